"""A small lake of real flights: how to copy it, to change what its feeds delivered, and to read what it published."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from flights import source
from headrace import declare, storage
from headrace.commands import Build, Land, Score
from headrace.config import Config
from headrace.days import DayRange
from headrace.lake.publications import PUBLISH_ID
from headrace.lake.table import Lake
from headrace.stages.build import BuildResult
from headrace.stages.context import StageContext
from headrace.stages.land import LandResult
from headrace.stages.runner import run_stage
from headrace.stages.score import ScoreResult
from headrace.storage import Place

from tests.support.local_config import local_config

KEY = ("flight_date", "carrier", "flight", "origin")
FEATURES = "flights.features"
Row = dict[str, Any]
Change = Callable[[list[Row]], list[Row]]


def day(text: str) -> dt.date:
    """``01-05`` is the fifth of January 2013."""
    return dt.date.fromisoformat(f"2013-{text}")


def days(first: str, last: str = "") -> DayRange:
    return DayRange(day(first), day(last or first))


DAYS = days("01-01", "02-09")  # the days of the shared lake
DELIVERED = days("01-01", "02-25")  # its inbox has more days, for tests that go on
CARRIERS = {b"AS", b"F9", b"HA", b"MQ", b"US", b"VX", b"WN"}  # some 180 flights a day


def small_inbox(inbox: Place, scratch: Path, delivered: DayRange = DELIVERED) -> None:
    """Deliver the real flights of ``CARRIERS``, until the last of these days, as the use case delivers a year."""
    package = source.packaged()
    until = (delivered.last.month, delivered.last.day)
    with zipfile.ZipFile(package / "flights.csv.zip") as archive:
        header, *flights = archive.read("flights.csv").splitlines()
    carrier = header.split(b",").index(b"carrier")
    few = [line for line in flights if line.split(b",")[carrier] in CARRIERS and _date(line.split(b",")[1:3]) <= until]
    with zipfile.ZipFile(scratch / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", b"\n".join([header, *few, b""]))
    header, *weather = (package / "weather.csv").read_bytes().splitlines()
    observed = [line for line in weather if _date(line.split(b",")[2:4]) <= until]
    (scratch / "weather.csv").write_bytes(b"\n".join([header, *observed, b""]))
    for name in ("planes.csv", "airports.csv"):
        shutil.copy(package / name, scratch / name)
    source.deliver(inbox, scratch)


def _date(month_and_day: list[bytes]) -> tuple[int, int]:
    month, day = map(int, month_and_day)
    return month, day


def context_at(config: Config, root: Place, inbox: Place) -> StageContext:
    """The configured use case on a lake below ``root``, fed from ``inbox``."""
    return StageContext(config.model_copy(update={"root": root, "inbox": inbox}), declare.load(config.use_case))


def local_context(root: Place, inbox: Place) -> StageContext:
    """The same, with the settings of the local environment and two ranks."""
    return context_at(local_config(), root, inbox)


def copy_of(context: StageContext, folder: Path) -> StageContext:
    """Copy a lake and its inbox into ``folder``, where a test may change them."""
    shutil.copytree(on_disk(context.config.root), folder / "root")
    shutil.copytree(on_disk(context.config.inbox), folder / "inbox")
    return context_at(context.config, folder / "root", folder / "inbox")


def again(context: StageContext) -> StageContext:
    """The same lake as the next stage sees it: a context keeps what it found at first."""
    return context_at(context.config, context.config.root, context.config.inbox)


def on_disk(place: Place) -> Path:
    """The place as a path; some tests cannot work in S3."""
    assert isinstance(place, Path), place
    return place


def land(context: StageContext, days: DayRange, *feeds: str, restate: bool = False) -> LandResult:
    """Land days of all feeds, or of some, as the stage does."""
    return run_stage(context, Land(days=str(days), feeds=feeds, restate=restate))  # type: ignore[return-value]


def build(context: StageContext, table: str, days: DayRange, *, catch_up: bool = False) -> BuildResult:
    """Build days of a table and of the tables that it is made from, as the stage does."""
    return run_stage(context, Build(table=table, days=str(days), catch_up=catch_up))  # type: ignore[return-value]


def score(
    context: StageContext, model: str, days: DayRange, *, version: str = "champion", catch_up: bool = False
) -> ScoreResult:
    """Score days, each with the champion of then or all with another version, as the stage does."""
    command = Score(model=model, days=str(days), version=version, catch_up=catch_up)
    return run_stage(context, command)  # type: ignore[return-value]


def change(context: StageContext, feed: str, on: dt.date, how: Change) -> None:
    """Deliver a feed's file of a day again, with the rows that ``how`` returns. A row is a dict of texts."""
    path = delivered_file(context, feed, on)
    rows = how(_rows(path))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    storage.write(path, gzip.compress(text.getvalue().encode()))


def _rows(path: Place) -> list[Row]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode(), newline="")))


def delivered_file(context: StageContext, feed: str, on: dt.date) -> Place:
    return context.config.inbox / feed / str(on) / f"{feed}.csv.gz"


def delivered_rows(context: StageContext, feed: str, on: dt.date) -> list[Row]:
    return _rows(delivered_file(context, feed, on))


def of_first(column: str, value: object) -> Change:
    """A change of one cell of the first row."""
    return lambda rows: [rows[0] | {column: value}, *rows[1:]]


def tear_last_line(context: StageContext, feed: str, on: dt.date, cells: int) -> str:
    """Cut a delivered file after ``cells`` cells of its last line, and return what remains of that line."""
    path = delivered_file(context, feed, on)
    *lines, last = gzip.decompress(path.read_bytes()).decode().splitlines()
    torn = ",".join(last.split(",")[:cells])
    storage.write(path, gzip.compress("\n".join([*lines, torn]).encode()))
    return torn


def rows_of(
    context: StageContext, table: str, within: DayRange | None = None, *, key: Iterable[str] = KEY
) -> list[Row]:
    """The rows of a table's newest version without their publish ids, in the order of its key.

    Of all days, or of the days in ``within``.
    """
    rows = [_without_publish_id(row) for row in stored(context, table, key)]
    return [row for row in rows if within is None or row.get("flight_date", row.get("day")) in within]


def _without_publish_id(row: Row) -> Row:
    return {column: value for column, value in row.items() if column != PUBLISH_ID}


def stored(context: StageContext, table: str, key: Iterable[str]) -> list[Row]:
    """The rows of a table's newest version as they are stored, with their publish ids, in the order of its key."""
    found: pa.Table = Lake(context.layout.tables).table(table).delta().to_pyarrow_table()
    return found.sort_by([(column, "ascending") for column in key]).to_pylist()


def quarantined(context: StageContext, table: str) -> list[Row]:
    """The quarantined rows of the publications that stand in a table."""
    quarantine = f"{table}_quarantine"
    if not Lake(context.layout.tables).table(quarantine).exists():
        return []
    ids = ids_of(context, table)
    rows = stored(context, quarantine, ("day", "reasons", "row"))
    return [row for row in rows if row[PUBLISH_ID] == ids.get(row["day"])]


def ids_of(context: StageContext, table: str) -> dict[dt.date, str]:
    """The publish id of each day of a table."""
    return Lake(context.layout.tables).table(table).publish_ids


def commits(context: StageContext, *names: str) -> dict[str, int]:
    """The number of commits of each table; 0 for a table that does not exist."""
    tables = [Lake(context.layout.tables).table(name) for name in names]
    return {table.name: table.delta().version() + 1 if table.exists() else 0 for table in tables}


def moved(context: StageContext, table: str, before: dict[dt.date, str]) -> list[dt.date]:
    """The days whose publish id differs from the one in ``before``."""
    return [d for d, publish_id in ids_of(context, table).items() if before.get(d) != publish_id]
