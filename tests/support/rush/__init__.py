"""The smallest use case that has all that the fault tests break: how many people pass the stations of a railway."""

import datetime as dt

from headrace.declare import Check, Days, Feed, Gate, Model, Table, category, number

SINCE = dt.date(2026, 1, 1)
KEY = ["day", "station"]

entries = Feed("entries", "entries/{day}/*.csv.gz", columns="contracts/entries.yaml", since=SINCE, day="day",
               if_missing="continue", empty="allow")  # fmt: skip
stations = Feed("stations", "stations/*.csv.gz", columns="contracts/stations.yaml")

visits = Table(
    "rush.visits",
    reads=[entries, stations],
    by="transforms:visits",
    columns="contracts/visits.yaml",
    day="day",
    key=[*KEY, "hour"],
    checks=[Check("people >= 0")],
)

totals = Table(
    "rush.totals",
    reads=[visits.days(-1, 0)],
    by="transforms:totals",
    columns="contracts/totals.yaml",
    day="day",
    key=KEY,
)

features = Table(
    "rush.features",
    reads=[totals.days(-2, 0)],
    by="transforms:features",
    columns="contracts/features.yaml",
    day="day",
    key=KEY,
)

busy = Model(
    "rush.busy",
    table=features,
    label=totals.label("people > 100"),
    network="network:build",
    inputs=[category("station", min_count=1), number("mean_3")],
    window=Days(train=2, validate=1, test=1),
    gate=Gate("auc", without=["base_rate"]),
)
