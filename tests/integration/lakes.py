"""A small lake of real flights: copies of it to break, changes to its inbox, and looks into what was published."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from flights import source
from headrace import declare, storage, submit
from headrace.config import Config
from headrace.days import DayRange
from headrace.lake.publications import exists, path_of, publications, table_at
from headrace.stages.job import Job
from headrace.storage import Place

PROJECT = Path(__file__).parents[2]
KEY = ("flight_date", "carrier", "flight", "origin")
Row = dict[str, Any]
Change = Callable[[list[Row]], list[Row]]


def day(text: str) -> dt.date:
    """``01-05`` is the fifth of January 2013."""
    return dt.date.fromisoformat(f"2013-{text}")


def days(first: str, last: str = "") -> DayRange:
    return DayRange(day(first), day(last or first))


DAYS = days("01-01", "02-09")
CARRIERS = {b"AS", b"F9", b"HA", b"MQ", b"US", b"VX", b"WN"}  # some 180 flights a day


def small_inbox(inbox: Place, data: Path) -> None:
    """Lay out ``DAYS`` of the real flights of ``CARRIERS``, as the use case itself does it; ``data`` is for scratch."""
    package = source.packaged()
    with zipfile.ZipFile(package / "flights.csv.zip") as archive:
        header, *flights = archive.read("flights.csv").splitlines()
    carrier = header.split(b",").index(b"carrier")
    few = [line for line in flights if line.split(b",")[carrier] in CARRIERS and _within(line.split(b",")[1:3])]
    with zipfile.ZipFile(data / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", b"\n".join([header, *few, b""]))
    header, *weather = (package / "weather.csv").read_bytes().splitlines()
    observed = [line for line in weather if _within(line.split(b",")[2:4])]
    (data / "weather.csv").write_bytes(b"\n".join([header, *observed, b""]))
    for name in ("planes.csv", "airports.csv"):
        shutil.copy(package / name, data / name)
    source.deliver(inbox, data)


def _within(month_and_day: list[bytes]) -> bool:
    month, day = map(int, month_and_day)
    return (month, day) <= (DAYS.last.month, DAYS.last.day)


def job_at(config: Config, root: Place, inbox: Place) -> Job:
    return Job(config.model_copy(update={"root": root, "inbox": inbox}), declare.load("flights"))


def copy_of(job: Job, folder: Path) -> Job:
    """The same lake and inbox, in a folder where they may be changed."""
    shutil.copytree(job.config.root, folder / "root")
    shutil.copytree(job.config.inbox, folder / "inbox")
    return job_at(job.config, folder / "root", folder / "inbox")


def change(job: Job, feed: str, on: dt.date, how: Change) -> None:
    """Deliver a feed's file of a day again, with other rows (each a dict of texts)."""
    path = delivered_file(job, feed, on)
    rows = how(_rows(path))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    storage.write(path, gzip.compress(text.getvalue().encode()))


def _rows(path: Place) -> list[Row]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode(), newline="")))


def delivered_file(job: Job, feed: str, on: dt.date) -> Place:
    return job.config.inbox / feed / str(on) / f"{feed}.csv.gz"


def of_first(column: str, value: object) -> Change:
    """Change one cell of the first row."""
    return lambda rows: [rows[0] | {column: value}, *rows[1:]]


def rows_of(job: Job, table: str, within: DayRange | None = None, *, key: Iterable[str] = KEY) -> list[Row]:
    """What the table holds now, in the order of its key."""
    found: pa.Table = table_at(path_of(job.config.tables, table)).to_pyarrow_table()
    rows = found.sort_by([(column, "ascending") for column in key]).to_pylist()
    return [row for row in rows if within is None or row.get("flight_date", row.get("day")) in within]


def set_aside(job: Job, table: str) -> list[Row]:
    return rows_of(job, f"{table}_quarantine", key=("day", "reasons", "row"))


def ids_of(job: Job, table: str) -> dict[dt.date, str]:
    return {d: p.id for d, p in publications(path_of(job.config.tables, table)).items()}


def commits(job: Job, *tables: str) -> dict[str, int]:
    """How many commits each table has; 0 where there is none."""
    paths = {table: path_of(job.config.tables, table) for table in tables}
    return {table: table_at(path).version() + 1 if exists(path) else 0 for table, path in paths.items()}


def moved(job: Job, table: str, before: dict[dt.date, str]) -> list[dt.date]:
    """The days whose publish id is another one than before."""
    return [d for d, publish_id in ids_of(job, table).items() if before.get(d) != publish_id]


@dataclass(frozen=True)
class Ended:
    """How a job ended: its exit code, the last line on stderr, and what it left for Kubernetes to show."""

    code: int
    reason: str
    told: str


def configure(job: Job, **over: Any) -> None:
    """Write the configuration that jobs on this lake are run with: the local one, with other settings laid over it."""
    conf = job.config.root.parent / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    local = yaml.safe_load((conf / "local.yaml").read_text())
    (conf / "local.yaml").write_text(yaml.safe_dump(local | {"inbox": str(job.config.inbox)} | over))


def declared_otherwise(folder: Path, **arguments: str) -> None:
    """The use case in ``folder``, with other arguments of its model (as Python): all else is as it is."""
    shutil.copytree(PROJECT / "lib" / "flights", folder / "flights")
    declared = folder / "flights" / "__init__.py"
    text = declared.read_text()
    for name, value in arguments.items():
        text, changed = re.subn(rf"    {name}=\w+\(.*\),\n", f"    {name}={value},\n", text)
        assert changed == 1, name
    declared.write_text(text)


def with_short_window(job: Job, folder: Path, train: int, validate: int, test: int) -> dict[str, str]:
    """A process's environment in which the model's window is so many days."""
    declared_otherwise(folder, window=f"Days({train=}, {validate=}, {test=})")
    return submit.environment(job.config) | {"PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT / "lib")])}


def command(job: Job, name: str, *arguments: str) -> list[str]:
    """The spark-submit of a job on this lake and inbox, by a configuration of its own beside them."""
    conf = job.config.root.parent / "conf"
    if not conf.exists():
        configure(job)
    return submit.command(
        job.config, f"jobs/{name}.py", [*arguments, "--conf", str(conf), "--root", str(job.config.root)]
    )


def submitted(job: Job, name: str, *arguments: str) -> Ended:
    """Run a job to its end, as ``headrace`` does."""
    return _ended(job, command(job, name, *arguments))


def ran(job: Job, name: str, *arguments: str) -> Ended:
    """The same without spark-submit, for a job that ends before it needs Spark: seconds less."""
    line = command(job, name, *arguments)
    return _ended(job, [sys.executable, *line[line.index(f"jobs/{name}.py") :]])


def _ended(job: Job, line: list[str]) -> Ended:
    log = job.config.root.parent / "termination.log"
    environment = submit.environment(job.config) | {"HEADRACE_TERMINATION_LOG": str(log)}
    done = subprocess.run(line, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    return Ended(done.returncode, (done.stderr.splitlines() or [""])[-1], log.read_text() if log.exists() else "")


def delivered_rows(job: Job, feed: str, on: dt.date) -> list[Row]:
    return _rows(delivered_file(job, feed, on))


def tear_last_line(job: Job, feed: str, on: dt.date, cells: int) -> str:
    """End a delivered file after some cells of its last line; returns what is left of that."""
    path = delivered_file(job, feed, on)
    *lines, last = gzip.decompress(path.read_bytes()).decode().splitlines()
    torn = ",".join(last.split(",")[:cells])
    path.write_bytes(gzip.compress("\n".join([*lines, torn]).encode()))
    return torn
