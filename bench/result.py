"""A benchmark's result, and the file that keeps the newest result of each benchmark."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from pydantic import BaseModel, ConfigDict, TypeAdapter

RESULTS = Path(__file__).with_name("results.json")


class Result(BaseModel):
    """``ours`` beside ``peer``, both in ``unit``; ``ratio`` is ours / peer.

    A benchmark may add further figures under its own names.

    Attributes:
        aim: what the figures should reach.
        met: whether they reach it.
        cores: the cores that this process could use.
        rows: the rows that were processed.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    what: str
    ours: float
    peer: float
    unit: str
    ratio: float
    aim: str
    met: bool
    cores: int
    rows: int


def of_turns(name: str, what: str, turns: Sequence[tuple[float, float]], aim: float, **further: object) -> Result:
    """The result of turns with our rows/s and the peer's. Both are medians, and their ratio should reach ``aim``."""
    ours, peer = (median(kind) for kind in zip(*turns, strict=True))
    return Result(
        id=name,
        what=what,
        ours=round(ours),
        peer=round(peer),
        unit="rows/s",
        ratio=round(ours / peer, 3),
        aim=f">= {aim:g}",
        met=ours / peer >= aim,
        cores=cores(),
        turns=[[round(rate) for rate in turn] for turn in turns],
        **further,
    )


def cores() -> int:
    return len(os.sched_getaffinity(0))


def keep(result: Result, path: Path = RESULTS) -> None:
    """Replace the earlier result of the same id; the other results stay."""
    others = [r for r in kept(path) if r.id != result.id]
    listed = [r.model_dump(mode="json") for r in sorted([*others, result], key=lambda r: r.id)]
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def kept(path: Path = RESULTS) -> list[Result]:
    return TypeAdapter(list[Result]).validate_json(path.read_bytes()) if path.exists() else []
