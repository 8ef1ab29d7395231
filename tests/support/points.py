"""The points at which a fault test kills a stage: a function of the platform, before or after its n-th call."""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Point:
    """``of`` is ``module:function`` or ``module:Class.method``, by the name that its caller looks up."""

    when: Literal["before", "after"]
    of: str
    nth: int = 1


STORE, RECORD, INDEX_LANDINGS = (
    "headrace.landing.day:_store",
    "headrace.landing.log:Log.append",
    "headrace.landing.log:Log.renew_index",
)
QUARANTINE, COMMIT, INDEX = (
    "headrace.quality.quarantine:write",
    "headrace.lake.table:publish",
    "headrace.lake.table:write_index",
)
COMPACT, VACUUM, REMOVE = (
    "headrace.lake.maintenance:compact",
    "headrace.lake.maintenance:vacuum",
    "headrace.storage:remove",
)
LEDGER, RESULT = "headrace.ledger.record:_write", "headrace.stages.runner:write_result"

LANDING = {
    "before the first file is stored": Point("before", STORE),
    "after some files are stored": Point("after", STORE, 2),
    "before the landing is recorded": Point("before", RECORD),
    "after the landing of one feed is recorded": Point("after", RECORD),
    "before the index of the landings is written": Point("before", INDEX_LANDINGS),
    "after the index of the landings is written": Point("after", INDEX_LANDINGS),
    "before the landing stage is in the ledger": Point("before", LEDGER),
}
BUILDING = {
    "before the quarantine is written": Point("before", QUARANTINE),
    "after the quarantine is written": Point("after", QUARANTINE),
    "before the commit of the first table": Point("before", COMMIT),
    "after a commit that was not read back": Point("after", COMMIT),
    "before the commit of the second table": Point("before", COMMIT, 2),
    "after the last commit": Point("after", COMMIT, 3),
    "before the index of a table is written": Point("before", INDEX),
    "after the index of a table is written": Point("after", INDEX),
    "before the build is in the ledger": Point("before", LEDGER),
    "before the result is handed on": Point("before", RESULT),
}
SCORING = {
    "before the commit of scores": Point("before", COMMIT),
    "after the commit of scores": Point("after", COMMIT),
}
MAINTAINING = {
    "before a table is compacted": Point("before", COMPACT),
    "between compaction and clean-up": Point("before", VACUUM),
    "after a table is cleaned up": Point("after", VACUUM),
    "before a leftover is removed": Point("before", REMOVE),
    "after a leftover is removed": Point("after", REMOVE),
}
POINTS = {**LANDING, **BUILDING, **SCORING, **MAINTAINING}


def arm(point: Point, die: Callable[[], None]) -> None:
    """Replace the point's function in this process by one that also calls ``die``."""
    module, _, path = point.of.partition(":")
    *parents, name = path.split(".")
    owner = functools.reduce(getattr, parents, importlib.import_module(module))
    original, calls = getattr(owner, name), itertools.count(1)

    @functools.wraps(original)
    def dying(*arguments: Any, **named: Any) -> Any:
        here = next(calls) == point.nth
        if here and point.when == "before":
            die()
        found = original(*arguments, **named)
        if here:
            die()
        return found

    setattr(owner, name, dying)
