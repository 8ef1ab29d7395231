"""No feature of a flight changes when data change that became known after the flight's cut-off.

A test chooses an instant, and changes everything in the feeds that was not known by then. Flights that left or landed
later are delayed more, cancelled, or moved to the next minute. Flights that never flew take off. The weather observed
later is different. Then all tables are made again. Flights with a cut-off at or before the instant must keep their
features. Features of later flights must change, or the test would show nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flights.transforms.features import features
from flights.transforms.legs import legs
from flights.transforms.outcomes import outcomes
from headrace.stages.context import StageContext
from headrace.stages.sources import read_source
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.support import lakes

pytestmark = pytest.mark.slow
DAYS = lakes.days("01-01", "01-10")
LOOKED_AT = lakes.days("01-09", "01-10")
SECOND = dt.timedelta(seconds=1)
MIDNIGHT = dt.datetime(2013, 1, 10, 5, tzinfo=dt.UTC)  # in New York
GROUPS = ("carrier", "origin", "dest", "route", "hour", "carrier_hour", "flight")
RATES = [*(f"{by}_late_{days}" for by in GROUPS for days in (7, 28)), "flight_delay_28"]
STATE = [
    *("origin_delay_1h", "origin_delay_3h", "origin_departed_3h", "origin_backlog_3h", "network_delay_3h"),
    *("carrier_delay_3h", "carrier_departed_3h", "carrier_origin_delay_3h", "dest_delay_8h"),
]
PLANE = ["plane_last_delay", "plane_hours_since"]

Flights = dict[tuple[Any, ...], lakes.Row]
World = Callable[[dt.datetime], Flights]


class Feeds:
    """The feeds of some days, and the features that follow from them."""

    def __init__(self, context: StageContext) -> None:
        tables = context.use_case.tables
        frames = [read_source(context, s, DAYS).rows for s in tables["flights.legs"].sources]
        self.schedule, self.weather, self.planes, self.airports = (frame.persist() for frame in frames)
        self.actuals = read_source(context, tables["flights.outcomes"].sources[0], DAYS).rows.persist()
        self.legs = legs(self.schedule, self.weather, self.planes, self.airports).persist()
        self.outcomes = outcomes(self.actuals, self.legs).persist()
        self.columns = list(context.use_case.contract(tables["flights.features"]).columns)

    def features(self, legs: DataFrame, outcomes: DataFrame) -> Flights:
        frame = features(legs, outcomes).filter(F.col("flight_date").between(LOOKED_AT.first, LOOKED_AT.last))
        rows = frame.select(self.columns).toArrow().to_pylist()
        return {tuple(row[column] for column in lakes.KEY): row for row in rows}

    def changed_after(self, instant: dt.datetime) -> Flights:
        """The features after everything that was not known at ``instant`` is changed."""
        later = F.expr("time_hour + INTERVAL 1 HOUR") > F.lit(instant)
        readings = {
            c: F.when(later, F.coalesce(F.col(c), F.lit(0.0)) + 11).otherwise(F.col(c))
            for c in ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
        }
        other_legs = legs(self.schedule, self.weather.withColumns(readings), self.planes, self.airports).persist()
        known = self.outcomes.join(self.legs.select(*lakes.KEY, "sched_dep_utc", "sched_arr_utc"), list(lakes.KEY))
        kind = F.pmod(F.xxhash64(*lakes.KEY), F.lit(3))
        next_minute = {
            when: F.floor((F.unix_seconds(F.lit(instant)) - F.unix_seconds(f"sched_{when}_utc")) / 60).cast("int") + 1
            for when in ("dep", "arr")
        }
        gone, ended = F.col("dep_utc") <= F.lit(instant), F.col("known_at") <= F.lit(instant)
        flew = F.col("dep_delay").isNotNull()
        other = known.select(
            *[F.year("flight_date").alias("year"), F.month("flight_date").alias("month")],
            *[F.day("flight_date").alias("day"), "carrier", "flight", "origin"],
            F.when(ended | gone, F.col("dep_delay"))
            .when(flew & (kind == 0), F.lit(None))
            .when(flew & (kind == 1), F.col("dep_delay") + 300)
            .otherwise(F.greatest(next_minute["dep"], F.lit(-30)))
            .alias("dep_delay"),
            F.when(ended, F.col("arr_delay"))
            .when(flew & (kind == 0), F.lit(None))
            .when(flew & (kind == 1), F.coalesce(F.col("arr_delay"), F.lit(0)) + 300)
            .otherwise(F.greatest(next_minute["arr"], F.lit(-30)))
            .alias("arr_delay"),
        )
        other_outcomes = outcomes(other, other_legs).persist()
        changed = self.features(other_legs, other_outcomes)
        for frame in (other_outcomes, other_legs):
            frame.unpersist()
        return changed


@pytest.fixture(scope="module")
def feeds(landed: StageContext, spark: SparkSession) -> Feeds:
    return Feeds(landed)


@pytest.fixture(scope="module")
def as_it_was(feeds: Feeds) -> Flights:
    return feeds.features(feeds.legs, feeds.outcomes)


def moved(before: Flights, after: Flights, of: Callable[[lakes.Row], bool]) -> set[str]:
    """The names of the features that changed for those flights for which ``of`` is true."""
    assert before.keys() == after.keys()
    return {
        column for flight, row in before.items() if of(row) for column in row if row[column] != after[flight][column]
    }


def cut_off_by(instant: dt.datetime) -> Callable[[lakes.Row], bool]:
    return lambda row: bool(row["known_at"] <= instant)


def cut_off_after(instant: dt.datetime) -> Callable[[lakes.Row], bool]:
    return lambda row: bool(row["known_at"] > instant)


def test_what_became_known_after_a_cut_off_moves_no_feature_and_what_is_known_at_it_does(
    feeds: Feeds, as_it_was: Flights
) -> None:
    """The instant is a cut-off at which, to the second, another flight leaves the same airport."""
    departures = {
        (row["origin"], row["dep_utc"].astimezone(dt.UTC))
        for row in feeds.outcomes.filter("dep_utc IS NOT NULL").select("origin", "dep_utc").collect()
    }
    at_once = sorted(
        (r["known_at"], r["origin"]) for r in as_it_was.values() if (r["origin"], r["known_at"]) in departures
    )
    at_once = [(at, origin) for at, origin in at_once if at.minute % 5 == 0]  # the state's steps
    instant, origin = at_once[len(at_once) // 2]

    def of_that_flight(row: lakes.Row) -> bool:
        return bool(row["known_at"] == instant and row["origin"] == origin)

    later_changed = feeds.changed_after(instant)
    assert moved(as_it_was, later_changed, cut_off_by(instant)) == set()
    assert moved(as_it_was, later_changed, cut_off_after(instant)) >= {*RATES, *STATE, *PLANE, "temp", "visib"}

    changed_at_it_too = feeds.changed_after(instant - SECOND)
    assert moved(as_it_was, changed_at_it_too, cut_off_by(instant - SECOND)) == set()
    assert "origin_departed_3h" in moved(as_it_was, changed_at_it_too, of_that_flight)


def test_what_landed_after_local_midnight_is_not_of_yesterday(feeds: Feeds, as_it_was: Flights) -> None:
    """No rate of a flight on the tenth counts flights that left on the ninth and landed on the tenth."""
    landings = [row["known_at"].astimezone(dt.UTC) for row in feeds.outcomes.filter("arr_delay IS NOT NULL").collect()]
    assert any(MIDNIGHT <= at < MIDNIGHT + dt.timedelta(hours=1) for at in landings)
    changed_from_midnight = feeds.changed_after(MIDNIGHT - SECOND)
    assert moved(as_it_was, changed_from_midnight, cut_off_by(MIDNIGHT - SECOND)) == set()
    of_the_tenth = moved(as_it_was, changed_from_midnight, cut_off_after(MIDNIGHT))
    assert of_the_tenth.isdisjoint(RATES)
    assert of_the_tenth >= {*STATE, *PLANE, "temp"}
