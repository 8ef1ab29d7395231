"""The flights' transforms on cases that were worked out by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from flights.transforms.clock import plus_minutes
from flights.transforms.history import PRIOR_FLIGHTS, with_late_rates
from flights.transforms.legs import legs, timed
from flights.transforms.outcomes import outcomes
from flights.transforms.recent import with_arrivals, with_plane, with_state
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

SCHEDULE = (
    "year int, month int, day int, sched_dep_time int, sched_arr_time int, carrier string, flight int,"
    " tailnum string, origin string, dest string, distance int"
)
ZONES = {"JFK": "America/New_York", "EWR": "America/New_York", "LAX": "America/Los_Angeles", "PHX": "America/Phoenix"}


def utc(text: str) -> dt.datetime:
    """``01-05 07:30`` in 2013."""
    return dt.datetime.fromisoformat(f"2013-{text}:00+00:00")


def instants(row: Any) -> dict[str, Any]:
    """Instants come from Spark without their zone, which is the machine's."""
    return {k: v.astimezone(dt.UTC) if isinstance(v, dt.datetime) else v for k, v in row.asDict().items()}


@pytest.fixture(scope="module")
def airports(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(list(ZONES.items()), "faa string, tzone string")


# Scheduled: the local day, departure and arrival as hhmm, to. In UTC: departure and arrival; minutes between them.
TIMES = {
    "within a day": ("01-05", 515, 819, "JFK", "01-05 10:15", "01-05 13:19", 184),
    "in winter to the west": ("01-05", 800, 1120, "LAX", "01-05 13:00", "01-05 19:20", 380),
    "in summer to the west": ("07-05", 800, 1120, "LAX", "07-05 12:00", "07-05 18:20", 380),
    "to where clocks never change": ("07-05", 800, 1000, "PHX", "07-05 12:00", "07-05 17:00", 300),
    "over midnight": ("01-05", 2300, 130, "JFK", "01-06 04:00", "01-06 06:30", 150),
    "at midnight, as 2400": ("01-05", 2400, 300, "JFK", "01-06 05:00", "01-06 08:00", 180),
    "arriving at midnight, as 2400": ("01-05", 2030, 2400, "JFK", "01-06 01:30", "01-06 05:00", 210),
    "arriving at midnight, as 0": ("01-05", 2030, 0, "JFK", "01-06 01:30", "01-06 05:00", 210),
    "to Puerto Rico, an hour ahead in winter": ("01-05", 2359, 440, "SJU", "01-06 04:59", "01-06 08:40", 221),
    "to Puerto Rico, the same hour in summer": ("07-05", 2359, 340, "SJU", "07-06 03:59", "07-06 07:40", 221),
    "on the night when clocks go forward": ("03-09", 2300, 330, "JFK", "03-10 04:00", "03-10 07:30", 210),
    "on the night when clocks go back": ("11-02", 2300, 300, "JFK", "11-03 03:00", "11-03 08:00", 300),
}


def test_clock_times_become_instants(spark: SparkSession, airports: DataFrame) -> None:
    days = {name: utc(f"{case[0]} 00:00") for name, case in TIMES.items()}
    schedule = spark.createDataFrame(
        [
            (2013, days[name].month, days[name].day, dep, arr, "AA", number, None, "JFK", to, 100)
            for number, (name, (_, dep, arr, to, *_)) in enumerate(TIMES.items())
        ],
        SCHEDULE,
    )
    found = [instants(row) for row in timed(schedule, airports).orderBy("flight").collect()]
    for row, (name, (day, dep, _, _, departs, arrives, minutes)) in zip(found, TIMES.items(), strict=True):
        assert (row["sched_dep_utc"], row["sched_arr_utc"]) == (utc(departs), utc(arrives)), name
        assert (row["flight_date"], row["dep_minute"]) == (utc(f"{day} 00:00").date(), dep // 100 * 60 + dep % 100), (
            name
        )
        assert row["scheduled_minutes"] == minutes, name
        assert row["known_at"] == utc(departs) - dt.timedelta(hours=3), name


@pytest.mark.parametrize("hhmm", [1260, 2401, 2460, -1, 2**31 - 1])
def test_what_no_clock_shows_has_no_instant_and_leaves_the_other_legs_alone(
    spark: SparkSession, airports: DataFrame, hhmm: int
) -> None:
    scheduled = [(2013, 1, 5, dep, 1900, "AA", dep, "N1", "JFK", "LAX", 100) for dep in (hhmm, 800)]
    found = {r["flight"]: r for r in timed(spark.createDataFrame(scheduled, SCHEDULE), airports).collect()}
    assert (found[hhmm]["dep_minute"], found[hhmm]["sched_dep_utc"], found[hhmm]["known_at"]) == (None, None, None)
    assert (found[800]["dep_minute"], instants(found[800])["sched_dep_utc"]) == (480, utc("01-05 13:00"))


def test_an_airport_in_an_unknown_time_zone_has_no_instants_and_leaves_the_others_alone(spark: SparkSession) -> None:
    airports = spark.createDataFrame([*ZONES.items(), ("MRS", "Mars/Base")], "faa string, tzone string")
    scheduled = [(2013, 1, 5, 800, 1120, "AA", n, "N1", "JFK", to, 100) for n, to in enumerate(["MRS", "LAX"])]
    found = {r["dest"]: r for r in timed(spark.createDataFrame(scheduled, SCHEDULE), airports).collect()}
    assert found["MRS"]["sched_arr_utc"] is None
    assert instants(found["LAX"])["sched_arr_utc"] == utc("01-05 19:20")


def test_a_leg_has_the_newest_weather_that_was_observed_by_its_cut_off(
    spark: SparkSession, airports: DataFrame
) -> None:
    """An observation named by 07:00 covers the hour until 08:00, and is known from then on."""
    schedule = spark.createDataFrame(
        [(2013, 1, 5, hhmm, 1900, "AA", hhmm, "N1", "JFK", "LAX", 100) for hhmm in (1159, 1200, 1259, 1300)], SCHEDULE
    )
    readings = [(utc(f"01-05 {hour:02}:00"), float(hour), 1048.0 if hour == 13 else 10.0) for hour in range(10, 16)]
    weather = spark.createDataFrame(readings, "time_hour timestamp, temp double, wind_speed double")
    for column in ("dewp", "humid", "wind_dir", "wind_gust", "precip", "pressure", "visib"):
        weather = weather.withColumn(column, F.lit(None).cast("double"))
    planes = spark.createDataFrame([("N1", 1999, 180)], "tailnum string, year int, seats int")
    made = legs(schedule, weather.withColumn("origin", F.lit("JFK")), planes, airports)
    found = {row["flight"]: (row["temp"], row["wind_speed"], row["seats"]) for row in made.collect()}
    # Cut-offs at 13:59, 14:00, 14:59 and 15:00 UTC; no wind blows at 1048 miles an hour.
    assert found == {1159: (12.0, 10.0, 180), 1200: (13.0, None, 180), 1259: (13.0, None, 180), 1300: (14.0, 10.0, 180)}


def test_an_outcome_is_known_when_the_flight_landed_and_a_day_later_where_it_never_did(spark: SparkSession) -> None:
    day = dt.date(2013, 1, 5)
    scheduled = spark.createDataFrame(
        [(day, "AA", n, "JFK", "LAX", "N1", 1435, utc("01-06 04:55"), utc("01-06 10:00")) for n in range(4)],
        "flight_date date, carrier string, flight int, origin string, dest string, tailnum string, dep_minute int,"
        " sched_dep_utc timestamp, sched_arr_utc timestamp",
    )
    reported = spark.createDataFrame(
        [
            (2013, 1, 5, "AA", 0, "JFK", -5, -20),
            (2013, 1, 5, "AA", 1, "JFK", 90, 1501),
            (2013, 1, 5, "AA", 2, "JFK", 30, None),  # diverted
            (2013, 1, 5, "AA", 3, "JFK", None, None),  # cancelled
        ],
        "year int, month int, day int, carrier string, flight int, origin string, dep_delay int, arr_delay int",
    )
    found = {r["flight"]: instants(r) for r in outcomes(reported, scheduled).collect()}
    known = {n: (row["dep_utc"], row["arr_utc"], row["known_at"]) for n, row in found.items()}
    assert known == {
        0: (utc("01-06 04:50"), utc("01-06 09:40"), utc("01-06 09:40")),
        1: (utc("01-06 06:25"), utc("01-07 11:01"), utc("01-07 11:01")),
        2: (utc("01-06 05:25"), None, utc("01-07 10:00")),
        3: (None, None, utc("01-07 10:00")),
    }


def test_a_delay_of_thousands_of_years_raises_no_overflow(spark: SparkSession) -> None:
    start = spark.createDataFrame([(utc("01-05 10:00"), 2**31 - 1), (utc("01-05 10:00"), 5)], "start timestamp, n int")
    seconds = start.select(F.unix_seconds(plus_minutes(F.col("start"), F.col("n"))) - F.unix_seconds("start"))
    assert [row[0] for row in seconds.collect()] == [60 * (2**31 - 1), 300]


def test_late_rates_count_what_landed_on_the_days_before_and_lean_on_the_average(spark: SparkSession) -> None:
    """Midnight is New York's: 05:00 UTC in January."""
    landed = spark.createDataFrame(
        [
            ("AA", utc("01-10 04:59"), 1, 20),  # the last minute of the ninth: yesterday
            ("AA", utc("01-10 05:00"), 1, 90),  # the first of the tenth: today, and so not yet
            ("AA", utc("01-09 12:00"), 0, -100),
            ("AA", utc("01-03 05:00"), 1, 30),  # seven days before, the first minute
            ("AA", utc("01-03 04:59"), 1, 300),  # the minute before that: eight days before
            ("UA", utc("01-09 12:00"), 0, 0),
        ],
        "carrier string, known_at timestamp, late int, arr_delay int",
    )
    asking = spark.createDataFrame(
        [(1, "AA", utc("01-10 08:00")), (2, "UA", utc("01-11 04:59")), (3, "DL", utc("01-10 05:00"))],
        "id bigint, carrier string, known_at timestamp",
    )
    same = {"origin": F.lit("JFK"), "dest": F.lit("LAX"), "hour": F.lit(8), "flight": F.lit(1)}
    asking = asking.withColumns(same)
    rows = with_late_rates(asking, asking, landed.withColumns(same)).collect()
    mean = 2 / 4  # of all carriers in these seven days: two late of AA's three, none of UA's one
    assert {row["carrier"]: row["carrier_late_7"] for row in rows} == {
        "AA": pytest.approx((2 + PRIOR_FLIGHTS * mean) / (3 + PRIOR_FLIGHTS)),
        "UA": pytest.approx((0 + PRIOR_FLIGHTS * mean) / (1 + PRIOR_FLIGHTS)),
        "DL": pytest.approx(mean),  # never seen: the average
    }
    assert [row["origin_late_7"] for row in rows] == pytest.approx([mean] * 3)  # all are of one origin
    # Over 28 days, from -60 to 240 minutes: 20 - 60 + 30 + 240, and four flights on time besides.
    assert {row["carrier"]: row["flight_delay_28"] for row in rows} == {"AA": 230 / 8, "UA": 0.0, "DL": 0.0}


def test_the_state_before_a_cut_off_is_that_of_three_hours_in_steps_of_five_minutes(spark: SparkSession) -> None:
    """What happens between two steps is known at the next."""
    departed = spark.createDataFrame(
        [
            ("AA", "JFK", utc("01-09 21:54"), 500),  # a step too old for all
            ("AA", "JFK", utc("01-09 22:00"), 10),
            ("AA", "JFK", utc("01-10 01:00"), 40),  # at the cut-off itself
            ("AA", "JFK", utc("01-10 01:01"), 900),
            ("UA", "EWR", utc("01-10 00:30"), 7),
        ],
        "carrier string, origin string, dep_utc timestamp, dep_delay int",
    )
    planned = spark.createDataFrame(
        [("AA", "JFK", utc(f"01-10 {at}")) for at in ("00:10", "00:50", "00:59", "01:01")],
        "carrier string, origin string, sched_dep_utc timestamp",
    )
    asking = spark.createDataFrame(
        [
            (1, "AA", "JFK", utc("01-10 01:00")),
            (2, "AA", "JFK", utc("01-10 01:04")),
            (3, "AA", "JFK", utc("01-10 01:05")),
            (4, "UA", "LGA", utc("01-10 01:00")),
            (5, "DL", "LGA", utc("01-08 01:00")),
        ],
        "id bigint, carrier string, origin string, known_at timestamp",
    )
    columns = ["origin_delay_3h", "origin_departed_3h", "origin_delay_1h", "origin_backlog_3h", "network_delay_3h"]
    legs = asking.unionByName(planned, allowMissingColumns=True)
    found = {r["id"]: [r[c] for c in columns] for r in with_state(asking, legs, departed).collect()}
    assert found == {
        1: [25.0, 2, 40.0, 1, 19.0],
        2: [25.0, 2, 40.0, 1, 19.0],
        3: [470.0, 2, 470.0, 2, pytest.approx(947 / 3)],
        4: [None, 0, None, 0, 19.0],
        5: [None, 0, None, 0, None],
    }


def test_arrivals_at_the_destination_count_for_eight_hours_from_when_they_landed(spark: SparkSession) -> None:
    landed = spark.createDataFrame(
        [
            ("LAX", utc("01-09 16:55"), 500),  # a step too old
            ("LAX", utc("01-09 17:00"), 10),
            ("LAX", utc("01-10 01:00"), 30),
            ("LAX", utc("01-10 01:01"), 900),
            ("SFO", utc("01-10 00:00"), 70),
        ],
        "dest string, known_at timestamp, arr_delay int",
    )
    asking = spark.createDataFrame(
        [(1, "LAX", utc("01-10 01:00")), (2, "BOS", utc("01-10 01:00"))], "id bigint, dest string, known_at timestamp"
    )
    found = {row["id"]: row["dest_delay_8h"] for row in with_arrivals(asking, asking, landed).collect()}
    assert found == {1: 20.0, 2: None}


def test_the_last_delay_of_an_aircraft_is_the_newest_known_one_and_of_two_at_once_the_longer(
    spark: SparkSession,
) -> None:
    departed = spark.createDataFrame(
        [
            ("N1", utc("01-09 02:00"), 5),
            ("N1", utc("01-09 08:00"), 20),
            ("N1", utc("01-09 10:01"), 400),
            ("N2", utc("01-08 09:59"), 80),  # more than a day before
            (None, utc("01-09 08:00"), 70),
        ],
        "tailnum string, dep_utc timestamp, dep_delay int",
    )
    landed = spark.createDataFrame(
        [("N1", utc("01-09 08:00"), 60)], "tailnum string, known_at timestamp, arr_delay int"
    )
    cut_offs = {1: ("N1", "07:59"), 2: ("N1", "10:00"), 3: ("N2", "10:00"), 4: (None, "10:00")}
    asking = spark.createDataFrame(
        [(n, plane, utc(f"01-09 {at}")) for n, (plane, at) in cut_offs.items()],
        "id bigint, tailnum string, known_at timestamp",
    )
    known = departed.unionByName(landed, allowMissingColumns=True)
    rows = with_plane(asking, known).collect()
    assert {row["id"]: (row["plane_last_delay"], row["plane_hours_since"]) for row in rows} == {
        1: (5.0, pytest.approx(5 + 59 / 60)),
        2: (60.0, 2.0),
        3: (None, None),
        4: (None, None),
    }
