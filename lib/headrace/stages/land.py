"""Land feeds, and withdraw landings: no Spark, only files."""

from __future__ import annotations

import datetime as dt
import time

from headrace.commands import Land, Withdraw
from headrace.days import DayRange
from headrace.declare import Feed
from headrace.errors import ArgumentsError, HeadraceError, MissingInputError
from headrace.landing.entry import Restatement
from headrace.landing.land import Landing, land
from headrace.landing.state import Day
from headrace.landing.withdraw import withdraw
from headrace.outcome import Result
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress, throughput
from headrace.storage import for_each
from headrace.who import user

SHOWN_DAYS = 5


class LandResult(Result):
    """What was landed, by feed."""

    feeds: dict[str, Landing] = {}


def land_feeds(context: StageContext, command: Land) -> LandResult:
    """Land the days of the feeds that the command names, or of all feeds.

    A feed that fails does not keep the others from landing. In S3, feeds land side by side.

    Raises:
        ArgumentsError: a reason is given, but nothing is restated, or a restatement names no feed.
        MissingInputError: all of these feeds begin later, or a day has no file.
        HeadraceError: a feed failed; the first such feed's error.
    """
    use_case, days = context.use_case, DayRange.parse(command.days)
    restated = _restatement(command)
    feeds = [use_case.feed(name) for name in command.feeds] or list(use_case.feeds.values())
    first = min((feed.since or dt.date.min for feed in feeds if feed.daily), default=dt.date.min)
    if days.last < first:
        raise MissingInputError(f"no feed has {days}: the first feed begins on {first}", f"Choose days from {first} on")

    def attempt(feed: Feed) -> Landing | HeadraceError:
        try:
            return _land(context, feed, days, command, restated)
        except HeadraceError as failure:
            log_progress("land", f"{feed.name:<20} {days}  fails: {failure}")
            return failure

    outcomes = for_each(context.layout.raw, attempt, feeds)
    landings = [outcome for outcome in outcomes if isinstance(outcome, Landing)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, HeadraceError)]
    result = LandResult(
        stage=command.stage,
        of=", ".join(landing.feed for landing in landings),
        days=str(days),
        rows=sum(landing.rows for landing in landings),
        feeds={landing.feed: landing for landing in landings},
    )
    if failures:
        context.note(result)
        raise failures[0]
    return result


def withdraw_landings(context: StageContext, command: Withdraw) -> Result:
    """Withdraw the newest landing of a feed's days.

    Raises:
        ArgumentsError: a daily feed is given no days, or a reference feed is given some.
        MissingInputError: none of the days has landed.
    """
    feed = context.use_case.feed(command.feed)
    if feed.daily != bool(command.days):
        what = "needs --days" if feed.daily else "takes no --days, because it is a reference feed"
        raise ArgumentsError(f"withdraw: feed {feed.name} {what}", "See `headrace withdraw --help`")
    days: list[Day] = list(DayRange.parse(command.days)) if feed.daily else [None]
    state = withdraw(context.layout.raw, feed.name, days, reason=command.reason, now=dt.datetime.now(dt.UTC))
    left = [record for day in days if (record := state.standing.get(day))]
    sentence = f"{feed.name} {command.days} withdrawn; an earlier landing stands for {len(left)} of {len(days)} days"
    log_progress("withdraw", sentence)
    return Result(
        stage=command.stage, of=feed.name, days=command.days, rows=sum(r.rows for r in left), sentence=sentence
    )


def _restatement(command: Land) -> Restatement | None:
    if command.reason and not command.restate:
        raise ArgumentsError("land: --reason says why deliveries were wrong", "Add --restate, or leave out --reason")
    if command.restate and not command.feeds:
        raise ArgumentsError("land: --restate would restate the corrections of all feeds", "Add --feed and its name")
    return Restatement(by=user(), reason=command.reason or "restated by hand") if command.restate else None


def _land(context: StageContext, feed: Feed, days: DayRange, command: Land, restated: Restatement | None) -> Landing:
    clock = time.monotonic()
    landing = land(
        feed,
        context.use_case.contract(feed),
        days,
        context.config.inbox,
        context.layout.raw,
        again=command.again,
        replace=command.replace,
        restated=restated,
    )
    what = f"{feed.name:<20} {days}  {landing.landed} of {landing.days} days new"
    log_progress("land", what, **throughput(landing.rows, clock))
    if landing.missing:
        log_progress("land", f"{feed.name:<20} continues without {', '.join(map(str, landing.missing[:SHOWN_DAYS]))}")
    for day, since in list(landing.corrections.items())[:SHOWN_DAYS]:
        hint = "if the delivery before was wrong from the beginning, land with --restate"
        log_progress("land", f"{feed.name:<20} {day}  a correction, counts from {since:%Y-%m-%d %H:%M} UTC; {hint}")
    for day in landing.partly_there[:SHOWN_DAYS]:
        hint = "to land fewer on purpose, add --replace"
        log_progress(
            "land", f"{feed.name:<20} {day}  some of its files are gone from the inbox, and stay landed; {hint}"
        )
    for day, why in list(landing.withheld.items())[:SHOWN_DAYS]:
        hint = "deliver other files, or land them with --again"
        log_progress("land", f"{feed.name:<20} {day}  the delivered files were {why}; {hint}")
    return landing
