"""Land feeds: no Spark, only files."""

from __future__ import annotations

import datetime as dt
import time

from headrace.days import DayRange
from headrace.errors import MissingInputError
from headrace.landing.land import Landing, land
from headrace.result import Result, tell
from headrace.sizing.ledger import recorded
from headrace.stages.job import Job, rate, say


def land_feeds(job: Job, days: DayRange, feeds: list[str]) -> list[Landing]:
    """Land ``days`` of the feeds called so, or of all.

    Raises:
        MissingInputError: all of them begin later.
    """
    chosen = [job.use_case.feed(name) for name in feeds] or list(job.use_case.feeds.values())
    first = min((feed.since or dt.date.min for feed in chosen if feed.daily), default=dt.date.min)
    if days.last < first:
        raise MissingInputError(f"no feed has {days}: the first begins on {first}", "Choose days from then on")
    with recorded(job.config.ledger, "land", ",".join(f.name for f in chosen), str(days)) as entry:
        landings = []
        for feed in chosen:
            clock = time.monotonic()
            now = dt.datetime.now(dt.UTC)
            landing = land(feed, job.use_case.contract(feed), days, job.config.inbox, job.config.raw, now)
            figures = {"rows": f"{landing.rows:,}", "rows/s": rate(landing.rows, time.monotonic() - clock)}
            say("land", f"{feed.name:<20} {days}  {landing.landed} of {landing.days} days new", **figures)
            if landing.missing:
                say("land", f"{feed.name:<20} goes on without {', '.join(map(str, landing.missing[:5]))}")
            landings.append(landing)
        told = ", ".join(landing.feed for landing in landings)
        tell(Result(stage="land", of=told, days=str(days), rows=sum(landing.rows for landing in landings)))
        entry.facts["feeds"] = {landing.feed: landing.model_dump(mode="json") for landing in landings}
    return landings
