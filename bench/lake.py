"""The real year in a lake of the benchmarks' own, below ``build/bench``: made once, then only looked at."""

from __future__ import annotations

from pathlib import Path

from headrace.days import DayRange
from headrace.declare import resolve
from headrace.stages.build import build_tables
from headrace.stages.job import Job, job
from headrace.stages.land import land_feeds

ROOT = Path("build/bench")
YEAR = DayRange.parse("2013-01-01..2013-12-31")
FEATURES, OUTCOMES, MODEL = "flights.features", "flights.outcomes", "flights.late15"


def year_built(root: Path = ROOT, days: DayRange = YEAR) -> Job:
    """Land and build the days; what is there as it should be stays as it is."""
    local = job("local", root=root)
    own = Job(local.config.model_copy(update={"inbox": root / "inbox"}), local.use_case)
    resolve.function(own.use_case.package, "source:deliver")(own.config.inbox)
    land_feeds(own, days, [])
    build_tables(own, FEATURES, days)
    return own
