"""Whether days are published, or a model was trained. A DAG that is paused, or never starts, fails no task."""

from __future__ import annotations

import datetime as dt

from headrace.commands import Freshness
from headrace.days import DayRange, runs
from headrace.errors import NothingRanError
from headrace.outcome import Result
from headrace.registry.versions import versions
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress


def check_freshness(context: StageContext, command: Freshness) -> Result:
    """Check that a table has each day, or that a model has a version that was trained as on each day or later.

    With ``within_days``, a day so much earlier is new enough.

    Raises:
        NothingRanError: days are missing.
    """
    days, reach = DayRange.parse(command.days), dt.timedelta(days=command.within_days)
    done = _days(context, command.name)
    later = command.name in context.use_case.models
    missing = [day for day in days if not any(day - reach <= one and (later or one <= day) for one in done)]
    if missing:
        earlier = f" or of the {command.within_days} days before" if command.within_days else ""
        newest = f"its newest day is {max(done)}" if done else "it has none at all"
        raise NothingRanError(
            f"{command.name} has nothing of {', '.join(map(str, runs(missing)))}{earlier}; {newest}",
            "Check that the scheduler runs and that the DAG is not paused. `headrace tables` shows the missing days",
        )
    log_progress("freshness", f"{command.name} has {days}")
    return Result(stage=command.stage, of=command.name, days=str(days))


def _days(context: StageContext, name: str) -> set[dt.date]:
    """The days that a table has, or as on which a model was trained."""
    if name in context.use_case.models:
        return {version.trained_on for version in versions(context.layout.models, name)}
    return set(context.lake.table(name).publications)
