"""A benchmark's result, and the file that keeps the newest of each."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

RESULTS = Path(__file__).with_name("results.json")


class Result(BaseModel):
    """``ours`` beside ``peer``, both in ``unit``; ``ratio`` is ours / peer.

    Attributes:
        aim: what the figures should come to.
        met: whether they do.
        cores: how many this process could use.
        rows: how many were worked on.

    Each benchmark adds what else it saw, under names of its own.
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


def cores() -> int:
    return len(os.sched_getaffinity(0))


def keep(result: Result, path: Path = RESULTS) -> None:
    """Write the result in the place of an earlier one of the same id; the others stay."""
    others = [r for r in kept(path) if r.id != result.id]
    listed = [r.model_dump(mode="json") for r in sorted([*others, result], key=lambda r: r.id)]
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def kept(path: Path = RESULTS) -> list[Result]:
    return TypeAdapter(list[Result]).validate_json(path.read_bytes()) if path.exists() else []
