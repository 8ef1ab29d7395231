"""Whether a stage completed recently. A DAG that is paused, or never starts, fails no task, and so notifies nobody."""

from __future__ import annotations

import datetime as dt

from headrace.commands import Freshness
from headrace.errors import NothingRanError
from headrace.ledger.record import StageRun, runs
from headrace.outcome import Result
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress


def check_freshness(context: StageContext, command: Freshness) -> Result:
    """Say when the stage last completed. A scoring of days that had no model yet does not count.

    Raises:
        NothingRanError: it did not complete within so many hours.
    """
    stage = command.checked
    completed = [run for run in runs(context.layout.ledger) if run.stage == stage and run.completed]
    last = max((run.started_at for run in completed if not _had_no_model(run)), default=None)
    if last is None or dt.datetime.now(dt.UTC) - last > dt.timedelta(hours=command.within_hours):
        what = f"{stage} has not completed since {last:%Y-%m-%d %H:%M} UTC" if last else f"{stage} has never completed"
        if any(_had_no_model(run) and (last is None or run.started_at > last) for run in completed):
            what += ", except for days that had no model yet"
        raise NothingRanError(
            f"{what} in {context.config.root}",
            "Check that the scheduler runs and that the DAG is not paused. `headrace tables` shows the missing days",
        )
    log_progress("freshness", f"{stage} last completed at {last:%Y-%m-%d %H:%M} UTC")
    return Result(stage=command.stage, of=stage)


def _had_no_model(run: StageRun) -> bool:
    """Whether it is a scoring that found a model for none of its days; see ``ScoreResult``."""
    return bool(run.facts.get("no_model")) and not run.facts.get("versions")
