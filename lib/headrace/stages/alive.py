"""Whether a stage was done lately: a DAG that is paused, or never starts, fails nothing, and so tells nobody."""

from __future__ import annotations

import datetime as dt

from headrace.config import Config
from headrace.errors import NothingRanError
from headrace.sizing import ledger
from headrace.stages.job import say


def last_done(config: Config, stage: str, within_hours: float) -> dt.datetime:
    """When a stage was last done (UTC).

    Raises:
        NothingRanError: it was not done within so many hours.
    """
    done = [run.started_at for run in ledger.runs(config.ledger) if run.stage == stage and run.outcome == "done"]
    last = max(done, default=None)
    if last is None or dt.datetime.now(dt.UTC) - last > dt.timedelta(hours=within_hours):
        since = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "ever"
        raise NothingRanError(
            f"no {stage} was done {since} in {config.root}",
            "Is the scheduler up, and the DAG not paused? `headrace tables` shows which days are missing",
        )
    say("alive", f"{stage} was last done at {last:%Y-%m-%d %H:%M} UTC")
    return last
