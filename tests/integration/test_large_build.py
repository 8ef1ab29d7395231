"""Rows that take four times the heap are built, sorted and published: Spark spills, and nothing is kept in memory."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pyarrow.compute as pc
import pytest
from headrace import declare
from headrace.config import Config
from headrace.stages.context import StageContext

from tests.support import PROJECT, lake_jobs, lakes

pytestmark = pytest.mark.long
DAYS = lakes.days("01-05", "01-08")
ROWS, LETTERS, SHELVES = 500_000, 1_000, 50  # of a day; of a note: 2 GB in all
HEAP = "512m"
DECLARED = """
from headrace.declare import Check, Feed, Table
notes = Feed("notes", "notes/{day}/*.csv", columns="notes.yaml", day="day")
sorted_notes = Table("bulk.notes", reads=[notes], by="transforms:notes", columns="sorted.yaml", day="day",
                     key=["day", "id"], one_row_per=notes, checks=[Check("length(note) = 1000")])
"""
TRANSFORM = """
from pyspark.sql import Window
from pyspark.sql import functions as F
def notes(notes):
    on_shelf = Window.partitionBy("day", "shelf").orderBy("note")
    last = notes.groupBy("day", "shelf").agg(F.max("note").alias("last"))
    placed = notes.withColumn("place", F.row_number().over(on_shelf))
    return placed.join(last, ["day", "shelf"]).withColumn("known_at", F.col("day").cast("timestamp"))
"""


@pytest.fixture
def bulk(tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> StageContext:
    package = tmp_path / "bulk"
    package.mkdir()
    feed = "id: int not null, day: date not null, shelf: int not null, note: string"
    (package / "notes.yaml").write_text(f"columns: {{{feed}}}\n")
    made = f"{feed}, place: int not null, last: string, known_at: timestamp not null"
    (package / "sorted.yaml").write_text(f"columns: {{{made}}}\n")
    (package / "__init__.py").write_text(DECLARED)
    (package / "transforms.py").write_text(TRANSFORM)
    monkeypatch.syspath_prepend(tmp_path)
    context = StageContext(config.model_copy(update={"use_case": "bulk"}), declare.load("bulk"))
    letters = os.urandom(LETTERS).hex()
    for day in DAYS:
        path = lakes.on_disk(context.config.inbox) / "notes" / str(day) / "notes.csv"
        path.parent.mkdir(parents=True)
        with path.open("w") as file:
            file.write("id,day,shelf,note\n")
            for n in range(ROWS):
                start = n * 7919 % LETTERS
                file.write(f"{n},{day},{n % SHELVES},{n:08}{letters[start : start + LETTERS - 8]}\n")
    return context


def test_two_gigabytes_of_rows_are_built_with_half_a_gigabyte_of_heap(bulk: StageContext, tmp_path: Path) -> None:
    lakes.land(bulk, DAYS)
    lake_jobs.configure(bulk, use_case="bulk", spark={"driver_memory": HEAP})
    line = lake_jobs.spark_submit(bulk, "build", "bulk.notes", "--days", str(DAYS))
    path = os.pathsep.join([str(tmp_path), str(PROJECT / "lib")])
    environment = lake_jobs.environment(bulk) | {"PYTHONPATH": path}
    done = subprocess.run(line, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    table = lakes.again(bulk).table(bulk.use_case.table("bulk.notes"))
    assert {day: publication.rows for day, publication in table.publications.items()} == dict.fromkeys(DAYS, ROWS)
    stored = table.delta().to_pyarrow_dataset().to_table(columns=["day", "shelf", "place"])
    by_shelf = stored.group_by(["day", "shelf"]).aggregate([("place", "max"), ("place", "count_distinct")])
    assert by_shelf.num_rows == len(DAYS) * SHELVES
    assert pc.unique(by_shelf["place_max"]).to_pylist() == [ROWS // SHELVES]
    assert pc.unique(by_shelf["place_count_distinct"]).to_pylist() == [ROWS // SHELVES]
