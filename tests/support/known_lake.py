"""The tiny use case ``rush`` with a cut-off on its features, and landings at instants that a test chooses."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from headrace.declare import CutOff
from headrace.landing.entry import Restatement
from headrace.landing.land import land as land_feed
from headrace.stages.build import BuildResult
from headrace.stages.context import StageContext

from tests.support import lakes, rush_lake
from tests.support.rush_lake import FEATURES, STATIONS, DayRange, day, days

CUT_OFF = CutOff("06:00")  # on the day itself


def at(root: Path, inbox: Path) -> StageContext:
    """The use case on a lake below ``root``, fed from ``inbox``."""
    return _with_cut_off(rush_lake.at(root, inbox))


def landed(root: Path, inbox: Path) -> StageContext:
    """A lake below ``root`` on which the days 1 to 9 landed together on day 3."""
    context = at(root, inbox)
    deliver_stations(context)
    for number in range(1, 10):
        deliver(context, number)
    land(context, days(1, 9), noon(3))
    return context


def copy_of(context: StageContext, folder: Path) -> StageContext:
    """Copy a lake and its inbox into ``folder``, where a test may change them."""
    return _with_cut_off(lakes.copy_of(context, folder))


def again(context: StageContext) -> StageContext:
    """The same lake as the next stage sees it."""
    return StageContext(context.config, context.use_case)


def noon(number: int) -> dt.datetime:
    """Noon of a day, six hours after its cut-off."""
    return dt.datetime.combine(day(number), dt.time(12), dt.UTC)


def deliver(context: StageContext, number: int, *, more: int = 0) -> None:
    """Deliver a day's entries, each with so many people more than in the first version."""
    rows = [row | {"people": row["people"] + more} for row in rush_lake.rows_of(day(number)) if row["people"] >= 0]
    rush_lake.deliver(context, day(number), rows)


def deliver_stations(context: StageContext, *, more: int = 0) -> None:
    """Deliver the stations, each with a capacity that is so much larger than in the first version."""
    rush_lake.deliver_stations(context, {station: capacity + more for station, capacity in STATIONS.items()})


def land(context: StageContext, within: DayRange, now: dt.datetime, *, restate: str = "") -> None:
    """Land all feeds, as if it were ``now``."""
    restated = Restatement(by="ann", reason=restate) if restate else None
    inbox, raw = context.config.inbox, context.layout.raw
    for feed in context.use_case.feeds.values():
        land_feed(feed, context.use_case.contract(feed), within, inbox, raw, clock=lambda: now, restated=restated)


def correct(context: StageContext, number: int, now: dt.datetime, *, more: int = 7, restate: str = "") -> None:
    """Deliver other entries of a day, and land them."""
    deliver(context, number, more=more)
    land(context, rush_lake.days(number), now, restate=restate)


def build(context: StageContext, within: DayRange, *, catch_up: bool = True) -> BuildResult:
    """Build days of all tables, and what else is stale."""
    return lakes.build(again(context), FEATURES, within, catch_up=catch_up)


def with_features(context: StageContext, **changes: object) -> StageContext:
    """The same lake with another declaration of the features."""
    use_case = context.use_case
    features = replace(use_case.table(FEATURES), **changes)  # type: ignore[arg-type]
    models = {name: replace(model, table=features) for name, model in use_case.models.items()}
    tables = {**use_case.tables, FEATURES: features}
    return StageContext(context.config, replace(use_case, tables=tables, models=models))


def _with_cut_off(context: StageContext) -> StageContext:
    return with_features(context, cut_off=CUT_OFF)
