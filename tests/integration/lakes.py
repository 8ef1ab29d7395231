"""A small lake of real flights: copies of it to break, changes to its inbox, and looks into what was published."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from deltalake import DeltaTable
from headrace import declare
from headrace.cli import submit
from headrace.config import Config
from headrace.days import DayRange
from headrace.lake.publications import exists, path_of, publications
from headrace.stages.job import Job

PROJECT = Path(__file__).parents[2]
KEY = ("flight_date", "carrier", "flight", "origin")
Row = dict[str, Any]
Change = Callable[[list[Row]], list[Row]]


def day(text: str) -> dt.date:
    """``01-05`` is the fifth of January 2013."""
    return dt.date.fromisoformat(f"2013-{text}")


def days(first: str, last: str = "") -> DayRange:
    return DayRange(day(first), day(last or first))


def job_at(config: Config, root: Path, inbox: Path) -> Job:
    return Job(config.model_copy(update={"root": root, "inbox": inbox}), declare.load("flights"))


def copy_of(job: Job, folder: Path) -> Job:
    """The same lake and inbox, in a folder where they may be changed."""
    shutil.copytree(job.config.root, folder / "root")
    shutil.copytree(job.config.inbox, folder / "inbox")
    return job_at(job.config, folder / "root", folder / "inbox")


def change(job: Job, feed: str, on: dt.date, how: Change) -> None:
    """Deliver a feed's file of a day again, with other rows (each a dict of texts)."""
    path = delivered_file(job, feed, on)
    with gzip.open(path, "rt", newline="") as file:
        rows = how(list(csv.DictReader(file)))
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def delivered_file(job: Job, feed: str, on: dt.date) -> Path:
    return job.config.inbox / feed / str(on) / f"{feed}.csv.gz"


def of_first(column: str, value: object) -> Change:
    """Change one cell of the first row."""
    return lambda rows: [rows[0] | {column: value}, *rows[1:]]


def rows_of(job: Job, table: str, within: DayRange | None = None, *, key: Iterable[str] = KEY) -> list[Row]:
    """What the table holds now, in the order of its key."""
    found: pa.Table = DeltaTable(path_of(job.config.tables, table)).to_pyarrow_table()
    rows = found.sort_by([(column, "ascending") for column in key]).to_pylist()
    return [row for row in rows if within is None or row.get("flight_date", row.get("day")) in within]


def set_aside(job: Job, table: str) -> list[Row]:
    return rows_of(job, f"{table}_quarantine", key=("day", "reasons", "row"))


def ids_of(job: Job, table: str) -> dict[dt.date, str]:
    return {d: p.id for d, p in publications(path_of(job.config.tables, table)).items()}


def commits(job: Job, *tables: str) -> dict[str, int]:
    """How many commits each table has; 0 where there is none."""
    paths = {table: path_of(job.config.tables, table) for table in tables}
    return {table: DeltaTable(path).version() + 1 if exists(path) else 0 for table, path in paths.items()}


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


def with_short_window(folder: Path, train: int, validate: int, test: int) -> dict[str, str]:
    """A process's environment in which the model's window is so many days: all else of the use case is as it is."""
    shutil.copytree(PROJECT / "lib" / "flights", folder / "flights")
    declared = folder / "flights" / "__init__.py"
    text, changed = re.subn(r"window=Days\(.*?\)", f"window=Days({train=}, {validate=}, {test=})", declared.read_text())
    assert changed == 1
    declared.write_text(text)
    return submit.environment() | {"PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT / "lib")])}


def command(job: Job, name: str, *arguments: str) -> list[str]:
    """The spark-submit of a job on this lake and inbox, by a configuration of its own beside them."""
    conf = job.config.root.parent / "conf"
    if not conf.exists():
        configure(job)
    return submit.command(job.config, name, [*arguments, "--conf", str(conf), "--root", str(job.config.root)])


def submitted(job: Job, name: str, *arguments: str) -> Ended:
    """Run a job to its end, as ``headrace`` does."""
    return _ended(job, command(job, name, *arguments))


def ran(job: Job, name: str, *arguments: str) -> Ended:
    """The same without spark-submit, for a job that ends before it needs Spark: seconds less."""
    line = command(job, name, *arguments)
    return _ended(job, [sys.executable, *line[line.index(f"jobs/{name}.py") :]])


def _ended(job: Job, line: list[str]) -> Ended:
    log = job.config.root.parent / "termination.log"
    environment = submit.environment() | {"HEADRACE_TERMINATION_LOG": str(log)}
    done = subprocess.run(line, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    return Ended(done.returncode, (done.stderr.splitlines() or [""])[-1], log.read_text() if log.exists() else "")


def delivered_rows(job: Job, feed: str, on: dt.date) -> list[Row]:
    with gzip.open(delivered_file(job, feed, on), "rt", newline="") as file:
        return list(csv.DictReader(file))


def tear_last_line(job: Job, feed: str, on: dt.date, cells: int) -> str:
    """End a delivered file after some cells of its last line; returns what is left of that."""
    path = delivered_file(job, feed, on)
    *lines, last = gzip.decompress(path.read_bytes()).decode().splitlines()
    torn = ",".join(last.split(",")[:cells])
    path.write_bytes(gzip.compress("\n".join([*lines, torn]).encode()))
    return torn
