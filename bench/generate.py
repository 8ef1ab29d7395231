"""The raw layout of the flights at any size, made from the real year. For scale only, never for a figure of quality.

    python -m bench.generate --days 2013-01-01..2013-03-31 --times 10 --out build/generated

A day has its real rows and copies of them. A copy has other flight numbers, aircraft, departure times and delays, and
every group of four copies has its own carriers. The same arguments give files with the same contents. It keeps one day
at a time in memory.
"""

from __future__ import annotations

import itertools
import shutil
import string
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import typer
from flights.source import ACTUALS, SCHEDULE, deliver
from headrace.days import DayRange
from pyarrow import csv

MISSING = "NA"
FLIGHTS_A_COPY = 10_000  # real flight numbers are smaller
COPIES_A_CARRIER = 4  # the next copies fly under new codes
MAX_MOVED_MINUTES = 30  # a copy departs at most so much earlier or later
DELAY_MINUTES = 5.0  # the standard deviation of a copy's delay around the real one
CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]
CODES = map("".join, itertools.product(string.ascii_uppercase + string.digits, repeat=2))
NEW_CARRIERS = [code for code in CODES if code not in (*CARRIERS, MISSING)]
KEY = ["year", "month", "day", "carrier", "flight", "origin"]

Whole = npt.NDArray[np.int64]


def main(
    days: Annotated[str, typer.Option(help="of 2013, such as 2013-01-01..2013-03-31")],
    times: Annotated[int, typer.Option(min=1, help="rows for each real one")],
    out: Annotated[Path, typer.Option(help="the inbox to write")],
    real: Annotated[Path, typer.Option(help="the inbox with the real year; it is made if missing")] = Path(
        "build/bench/inbox"
    ),
    seed: int = 1,
) -> None:
    """Write schedule, actuals and weather by day, and planes and airports, ``times`` as large as the real ones."""
    deliver(real)
    began = time.monotonic()
    reference(real, out, times)
    rows = 0
    for day in DayRange.parse(days):
        rows += flights(real, out, str(day), times, np.random.default_rng([seed, day.toordinal()]))
        observed = real / "weather" / str(day)
        if observed.is_dir():  # the weather service has no file for the last day of the year
            shutil.copytree(observed, out / "weather" / str(day), dirs_exist_ok=True)
    seconds = time.monotonic() - began
    print(f"{rows:,} flights on {days} in {out}: {seconds:.1f} s, {rows / seconds:,.0f} rows/s")


def reference(real: Path, out: Path, times: int) -> None:
    """Write the airports unchanged, and every aircraft once for each copy."""
    shutil.copytree(real / "airports", out / "airports", dirs_exist_ok=True)
    planes = _read(real / "planes" / "planes.csv.gz")
    copy, row = _copies(planes.num_rows, times)
    many = planes.take(row)
    _write(_with(many, "tailnum", _tails(many["tailnum"], copy)), out / "planes" / "planes.csv.gz")


def flights(real: Path, out: Path, day: str, times: int, random: np.random.Generator) -> int:
    """Write one day's schedule and actuals; returns the rows of each file."""
    schedule, actuals = (_read(real / feed / day / f"{feed}.csv.gz") for feed in ("schedule", "actuals"))
    rows = copied(schedule.join(actuals, KEY).sort_by([(name, "ascending") for name in KEY]), times, random)
    _write(rows.select(SCHEDULE), out / "schedule" / day / "schedule.csv.gz")
    _write(rows.select(ACTUALS), out / "actuals" / day / "actuals.csv.gz")
    return len(rows)


def copied(rows: pa.Table, times: int, random: np.random.Generator) -> pa.Table:
    """The rows and ``times - 1`` copies of each, no two with the same key.

    Args:
        rows: the columns of schedule and actuals, as text.
    """
    copy, row = _copies(rows.num_rows, times)
    many = rows.take(row)
    departs = _minutes(many["sched_dep_time"])
    moved = random.integers(-MAX_MOVED_MINUTES, MAX_MOVED_MINUTES + 1, len(row)) * (copy > 0)
    moved = np.clip(departs + moved, 1, 1440) - departs  # a copy stays on its day
    delayed = np.rint(random.normal(0, DELAY_MINUTES, len(row))).astype(np.int64) * (copy > 0)
    columns = {
        "carrier": _carriers(many["carrier"], copy),
        "flight": pc.add(many["flight"].cast(pa.int64()), pa.array(copy * FLIGHTS_A_COPY)),
        "tailnum": _tails(many["tailnum"], copy),
        "sched_dep_time": _moved(many["sched_dep_time"], moved),
        "sched_arr_time": _moved(many["sched_arr_time"], moved),
        "dep_time": _moved(many["dep_time"], moved + delayed),
        "arr_time": _moved(many["arr_time"], moved + delayed),
        "dep_delay": pc.add(many["dep_delay"].cast(pa.int64()), pa.array(delayed)),
        "arr_delay": pc.add(many["arr_delay"].cast(pa.int64()), pa.array(delayed)),
    }
    for name, column in columns.items():
        many = _with(many, name, column)
    return many


def _copies(rows: int, times: int) -> tuple[Whole, Whole]:
    """For each row to write: the number of its copy, and the index of its real row. Copy 0 is the real row."""
    return np.repeat(np.arange(times), rows), np.tile(np.arange(rows), times)


def _carriers(codes: pa.ChunkedArray, copy: Whole) -> pa.Array:
    """Each group of copies has its own carriers, until all two-character codes are used."""
    number = pc.index_in(codes, value_set=pa.array(CARRIERS)).to_numpy()
    group = copy // COPIES_A_CARRIER
    new = len(CARRIERS) + ((group - 1) * len(CARRIERS) + number) % len(NEW_CARRIERS)
    return pa.array([*CARRIERS, *NEW_CARRIERS]).take(pa.array(np.where(group > 0, new, number)))


def _tails(tails: pa.ChunkedArray, copy: Whole) -> pa.ChunkedArray:
    """Each copy has its own aircraft."""
    renamed = pc.binary_join_element_wise(tails, pa.array(copy).cast(pa.string()), "-")
    return pc.if_else(pa.array(copy > 0), renamed, tails)


def _minutes(clock: pa.ChunkedArray) -> Whole:
    """The minute of the day of times written as hhmm; 0 where missing."""
    hhmm = pc.fill_null(clock.cast(pa.int64()), 0).to_numpy()
    minutes: Whole = hhmm // 100 * 60 + hhmm % 100
    return minutes


def _moved(clock: pa.ChunkedArray, by: Whole) -> pa.Array:
    """Times (hhmm) moved by some minutes. A missing time stays missing; midnight is 2400."""
    minute = (_minutes(clock) + by - 1) % 1440 + 1
    return pa.array(minute // 60 * 100 + minute % 60, mask=pc.is_null(clock).to_numpy())


def _with(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def _read(path: Path) -> pa.Table:
    """All columns as text; NA is null."""
    with pa.input_stream(str(path), compression="gzip") as stream:
        header = stream.read(1 << 12).split(b"\n", 1)[0].decode().replace('"', "").strip().split(",")
    types = dict.fromkeys(header, pa.string())
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[MISSING])
    return csv.read_csv(path, convert_options=options)


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = pa.table({name: pc.fill_null(table[name].cast(pa.string()), MISSING) for name in table.column_names})
    partial = path.with_suffix(".partial")
    with pa.output_stream(str(partial), compression="gzip") as stream:
        csv.write_csv(text, stream, csv.WriteOptions(quoting_style="none"))
    partial.replace(path)


if __name__ == "__main__":
    typer.run(main)
