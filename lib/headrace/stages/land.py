"""Land feeds: no Spark, only files."""

from __future__ import annotations

import datetime as dt
import time

from headrace.commands import Land
from headrace.days import DayRange
from headrace.declare import Feed
from headrace.errors import MissingInputError
from headrace.landing.land import Landing, land
from headrace.outcome import Result
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress, throughput


class LandResult(Result):
    """What was landed, by feed."""

    feeds: dict[str, Landing] = {}


def land_feeds(context: StageContext, command: Land) -> LandResult:
    """Land the days of the feeds that the command names, or of all feeds.

    Raises:
        MissingInputError: all of these feeds begin later, or a day has no file.
    """
    use_case, days = context.use_case, DayRange.parse(command.days)
    feeds = [use_case.feed(name) for name in command.feeds] or list(use_case.feeds.values())
    first = min((feed.since or dt.date.min for feed in feeds if feed.daily), default=dt.date.min)
    if days.last < first:
        raise MissingInputError(f"no feed has {days}: the first feed begins on {first}", f"Choose days from {first} on")
    landings = [_land(context, feed, days) for feed in feeds]
    return LandResult(
        stage=command.stage,
        of=", ".join(landing.feed for landing in landings),
        days=str(days),
        rows=sum(landing.rows for landing in landings),
        feeds={landing.feed: landing for landing in landings},
    )


def _land(context: StageContext, feed: Feed, days: DayRange) -> Landing:
    clock, now = time.monotonic(), dt.datetime.now(dt.UTC)
    config, contract = context.config, context.use_case.contract(feed)
    landing = land(feed, contract, days, config.inbox, context.layout.raw, now)
    what = f"{feed.name:<20} {days}  {landing.landed} of {landing.days} days new"
    log_progress("land", what, **throughput(landing.rows, clock))
    if landing.missing:
        log_progress("land", f"{feed.name:<20} continues without {', '.join(map(str, landing.missing[:5]))}")
    return landing
