"""A lake of the tiny use case ``rush``: what its feeds deliver, and how to land and build all of it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from headrace import storage
from headrace.days import DayRange
from headrace.stages.context import StageContext

from tests.support import lakes, rush
from tests.support.lakes import Row
from tests.support.local_config import local_config

TABLES = ("rush.visits", "rush.totals", "rush.features")
VISITS, TOTALS, FEATURES = TABLES
STATIONS = {"Abbey": 40, "Bridge": 70, "Castle": 110}
MAX_BAD_SHARE = 0.5  # a day has so few rows that one bad row is many per cent


def day(number: int) -> dt.date:
    """The first day of the feed is number 1."""
    return rush.SINCE + dt.timedelta(days=number - 1)


def days(first: int, last: int = 0) -> DayRange:
    return DayRange(day(first), day(last or first))


OLD, NEW, ALL = days(1, 4), day(5), days(1, 5)
CORRECTED = day(4)  # delivered again, with another bad row


def at(root: Path, inbox: Path) -> StageContext:
    """The use case on a lake below ``root``, fed from ``inbox``."""
    config = local_config()
    quality = config.quality.model_copy(update={"max_quarantined_share": MAX_BAD_SHARE})
    changes = {"use_case": rush.__name__, "quality": quality}
    return lakes.context_at(config.model_copy(update=changes), root, inbox)


def fresh_root(context: StageContext, root: Path) -> StageContext:
    """Another, empty lake that is fed from the same inbox."""
    return lakes.context_at(context.config, root, context.config.inbox)


def delivered(folder: Path) -> StageContext:
    """An inbox with the first version of the days ``OLD``; nothing has landed."""
    context = at(folder / "root", folder / "inbox")
    deliver_stations(context)
    for on in OLD:
        deliver(context, on, rows_of(on))
    return context


def behind(folder: Path) -> StageContext:
    """A lake with the days ``OLD`` landed and built; a correction and a new day are delivered."""
    context = delivered(folder)
    recover(context, OLD)
    deliver_more(context)
    return context


def deliver_more(context: StageContext) -> None:
    """Deliver the day ``NEW``, and correct the day before; the correction has another bad row."""
    first, second, *others = rows_of(CORRECTED)
    deliver(context, CORRECTED, [first | {"people": 91}, second | {"people": -2}, *others])
    deliver(context, NEW, rows_of(NEW))


def recover(context: StageContext, within: DayRange = ALL) -> None:
    """What an operator types after any fault: land what was delivered, and build with ``--catch-up``."""
    lakes.land(context, within)
    lakes.build(lakes.again(context), FEATURES, within, catch_up=True)


def rows_of(on: dt.date) -> list[Row]:
    """A day's entries: each station at two hours. The day ``CORRECTED`` also has a row that a check fails."""
    number = (on - rush.SINCE).days + 1
    rows = [
        {"day": on, "station": station, "hour": hour, "people": capacity + 3 * number + hour}
        for station, capacity in STATIONS.items()
        for hour in (8, 17)
    ]
    return rows if on != CORRECTED else [*rows, {"day": on, "station": "Abbey", "hour": 23, "people": -1}]


def deliver(context: StageContext, on: dt.date, rows: Iterable[Row]) -> None:
    """Deliver a day's entries, in place of an earlier delivery."""
    storage.write(lakes.delivered_file(context, "entries", on), _packed(rows))


def deliver_stations(context: StageContext, stations: Mapping[str, int] = STATIONS) -> None:
    """Deliver the stations with their capacities, in place of an earlier delivery."""
    rows = [{"station": station, "capacity": capacity} for station, capacity in stations.items()]
    storage.write(context.config.inbox / "stations" / "stations.csv.gz", _packed(rows))


def _packed(rows: Iterable[Row]) -> bytes:
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode(), mtime=0)
