"""The reference use case: will a flight arrive more than 15 minutes late, as far as is known three hours before?"""

import datetime as dt

from headrace.declare import Check, CutOff, Days, Demo, Feed, Gate, Model, Table, category, cyclic, number

SINCE = dt.date(2013, 1, 1)
NEW_YORK = "America/New_York"
DAY = "make_date(year, month, day)"

schedule = Feed("schedule", "schedule/{day}/*.csv.gz", columns="contracts/schedule.yaml", since=SINCE, day=DAY,
                wait_until="00:00", zone=NEW_YORK)  # fmt: skip
actuals = Feed("actuals", "actuals/{day}/*.csv.gz", columns="contracts/actuals.yaml", since=SINCE, day=DAY,
               wait_until="06:00", after_days=1, zone=NEW_YORK)  # fmt: skip
weather = Feed("weather", "weather/{day}/*.csv.gz", columns="contracts/weather.yaml", since=SINCE, day=DAY,
               wait_until="06:00", after_days=1, zone=NEW_YORK, if_missing="continue",
               known_at="try_add(time_hour, INTERVAL 1 HOUR)")  # fmt: skip
planes = Feed("planes", "planes/*.csv.gz", columns="contracts/planes.yaml")
airports = Feed("airports", "airports/*.csv.gz", columns="contracts/airports.yaml")

KEY = ["flight_date", "carrier", "flight", "origin"]

legs = Table(
    "flights.legs",
    reads=[schedule, weather.days(-1, 0), planes, airports],
    by="transforms.legs:legs",
    columns="contracts/legs.yaml",
    day="flight_date",
    key=KEY,
    checks=[
        Check("distance > 0"),
        Check("scheduled_minutes BETWEEN 20 AND 1200"),
        Check(suite="expectations/legs.json", on_fail="refuse"),
    ],
    one_row_per=schedule,
)

outcomes = Table(
    "flights.outcomes",
    reads=[actuals, legs],
    by="transforms.outcomes:outcomes",
    columns="contracts/outcomes.yaml",
    day="flight_date",
    key=KEY,
    checks=[
        Check("dep_delay > -180 AND dep_delay < 2880"),
        Check("arr_delay > -180 AND arr_delay < 2880"),
        Check("arr_utc > dep_utc"),
    ],
    one_row_per=actuals,
    known_earlier={"dep_utc": ["dep_utc", "dep_delay", "dest", "tailnum", "dep_minute"]},
)

features = Table(
    "flights.features",
    # Rates look back 28 days from the day of the cut-off, which may be the day before the flight. By the checks above,
    # an outcome is known at most 3 days after its own flight: 28 + 1 + 3. Time on the ground counts up to 48 hours.
    # A leg takes up to 20 hours, so an aircraft may have left 3 days before.
    reads=[legs.days(-3, 0), outcomes.days(-32, 0)],
    by="transforms.features:features",
    columns="contracts/features.yaml",
    day="flight_date",
    key=KEY,
    checks=[Check("known_at < sched_dep_utc", on_fail="refuse")],
    one_row_per=legs,
    cut_off=CutOff("21:00", days_before=1, zone=NEW_YORK),  # three hours before the first possible departure
)

late15 = Model(
    "flights.late15",
    table=features,
    label=outcomes.label("arr_delay > 15"),
    network="network:build",
    inputs=[
        category("carrier", "origin", "dest", "weekday"),
        cyclic("dep_minute", period=1440),
        cyclic("wind_dir", period=360),
        number("distance", "scheduled_minutes", "departures_that_hour", "plane_age", "seats"),
        number("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"),
        number("carrier_late_7", "origin_late_7", "dest_late_7", "route_late_7", "hour_late_7", "carrier_hour_late_7",
               "flight_late_7"),
        number("carrier_late_28", "origin_late_28", "dest_late_28", "route_late_28", "hour_late_28",
               "carrier_hour_late_28", "flight_late_28", "flight_delay_28"),
        number("origin_delay_1h", "origin_delay_3h", "origin_departed_3h", "origin_backlog_3h", "network_delay_3h"),
        number("carrier_delay_3h", "carrier_departed_3h", "carrier_origin_delay_3h", "dest_delay_8h"),
        number("plane_last_delay", "plane_hours_since", "plane_legs_before", "plane_turnaround"),
    ],
    window=Days(train=243, validate=30, test=61),
    gate=Gate("auc", beat=["logistic"], report=["lightgbm"], slices=["carrier", "origin"]),
)  # fmt: skip

demo = Demo(
    deliver="source:deliver",
    days="2013-01-01..2013-12-31",
    table="flights.features",
    model="flights.late15",
    train_on="2013-12-01",
    score="2013-12-01..2013-12-07",
)
