"""Jobs whose memory really runs out: exit code 71, and a last line that says what there was and what to change."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from headrace import config as configuration
from headrace.backends.local import memory
from headrace.backends.local.backend import LocalBackend
from headrace.backends.local.process import SupervisedProcess
from headrace.commands import Build, Job
from headrace.config import Config
from headrace.errors import OutOfMemoryError
from headrace.faults import translated
from headrace.outcome import Outcome
from headrace.shortage import Part, shortage_of
from headrace.stages.memory_errors import memory_errors
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from tests.support import PROJECT, lake_jobs, lakes, little_memory, rush, rush_lake

pytestmark = [pytest.mark.slow, pytest.mark.fault]
BUILD = Build(rush_lake.VISITS, str(rush_lake.day(1)))
FILE = """\
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(2).selectExpr("length(repeat(string(id), 1000000000)) as n").collect()
"""


@pytest.fixture
def little_heap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Job, dict[str, str]], Outcome]:
    """Run a job on a lake with landed days, in its own process, with 512 MB of heap and these settings of Spark."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROJECT), str(PROJECT / "lib")]))
    context = rush_lake.delivered(tmp_path)
    lakes.land(context, rush_lake.OLD)

    def run(job: Job, conf: dict[str, str]) -> Outcome:
        spark = {"python": sys.executable, "master": "local[2]", "driver_memory": "512m", "conf": conf}
        folder = lake_jobs.configure(context, spark=spark, use_case=rush.__name__)
        source = configuration.ConfigSource(folder=folder, root=str(context.config.root))
        backend = LocalBackend(source.load())
        return backend.run(backend.with_source(job, source), print)

    return run


def test_a_build_without_room_for_a_sort_says_so_in_one_line(
    little_heap: Callable[[Job, dict[str, str]], Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    ended = little_heap(Job.of(BUILD), {"spark.memory.fraction": "0.001"})
    assert (ended.code, ended.printed) == (71, True)
    assert re.fullmatch(
        r"OutOfMemoryError: rush\.visits of 2026-01-01 ran out of memory: 512 MB of heap, 2 tasks at once \(.+\)\. "
        r"Raise spark\.driver_memory in conf/local\.yaml, or lower build\.chunk_mb",
        ended.reason,
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == ended.reason
    assert not [line for line in lines if "Py4JJavaError" in line]


def test_a_file_whose_task_fills_the_heap_ends_with_the_code_though_its_jvm_is_gone(
    little_heap: Callable[[Job, dict[str, str]], Outcome], tmp_path: Path
) -> None:
    (tmp_path / "fill.py").write_text(FILE)
    ended = little_heap(Job.of_file(str(tmp_path / "fill.py")), {})
    assert ended.code == 71
    assert "fill.py ran out of memory: 512 MB of heap, 2 tasks at once (the JVM's heap is full)" in ended.reason


@pytest.fixture
def entering() -> Iterator[str]:
    """A Python statement that gives the process 300 MB of memory."""
    with little_memory.group(300 * 2**20) as enter:
        if enter is None:
            pytest.skip("this user may not make control groups")
        yield enter


def test_a_job_that_the_kernel_ended_is_told_apart_from_one_that_a_person_killed(
    entering: str, tmp_path: Path, config: Config
) -> None:
    def ended(code: str) -> Outcome:
        process = SupervisedProcess([sys.executable, "-c", code], dict(os.environ), tmp_path, print)
        outcome = process.wait()
        return memory.explained(config, Job.of_file("jobs/export.py"), outcome, process.killed_by_kernel)

    by_kernel = ended(f"{entering}; {little_memory.HOLD}")
    assert by_kernel.code == 71
    assert by_kernel.reason.startswith("OutOfMemoryError: jobs/export.py ran out of memory: ")
    assert "(the kernel ended the job)" in by_kernel.reason
    assert ended("import os; os.kill(os.getpid(), 9)") == Outcome(137, "ended by signal 9 (Killed)")


def held(spark: SparkSession, statement: str) -> DataFrame:
    """Rows whose worker runs a Python statement."""

    def run(batches: Iterator[Any]) -> Iterator[Any]:
        exec(statement)
        yield from batches

    return spark.range(2, numPartitions=1).mapInArrow(run, "id long")


@pytest.mark.parametrize("statement", ["bytearray(1 << 50)", "import pyarrow; pyarrow.allocate_buffer(1 << 50)"])
def test_a_worker_without_memory_names_the_table_and_what_python_has(
    statement: str, spark: SparkSession, config: Config
) -> None:
    with pytest.raises(OutOfMemoryError) as raised, told(config):
        held(spark, statement).count()
    assert re.match(r"rush\.visits of 2026-01-01 ran out of memory: [\d.]+ GB in this machine", raised.value.what)
    assert "MemoryError" in raised.value.what


def test_a_worker_that_the_kernel_ended_is_memory(entering: str, spark: SparkSession, config: Config) -> None:
    with pytest.raises(OutOfMemoryError, match="the kernel ended a worker"), told(config):
        held(spark, f"{entering}; {little_memory.HOLD}").count()


def test_a_worker_that_ended_by_itself_is_not(spark: SparkSession, config: Config) -> None:
    with pytest.raises(Exception, match="worker exited unexpectedly") as raised, told(config):
        held(spark, "import os; os._exit(9)").count()
    assert not isinstance(raised.value, OutOfMemoryError)


def test_what_is_too_large_to_broadcast_or_to_collect_names_the_setting(spark: SparkSession, config: Config) -> None:
    rows = spark.range(2000).withColumn("text", F.repeat(F.col("id").cast("string"), 50))
    conf = spark.sparkContext._jsc.sc().conf()  # type: ignore[union-attr]
    conf.set("spark.driver.maxResultSize", "1k")
    try:
        with pytest.raises(OutOfMemoryError, match=r"raise spark\.driver\.maxResultSize"), told(config):
            rows.collect()
    finally:
        conf.remove("spark.driver.maxResultSize")
    spark.conf.set("spark.sql.maxBroadcastTableSize", "1k")
    try:
        with pytest.raises(OutOfMemoryError, match=r"set spark\.sql\.autoBroadcastJoinThreshold to"), told(config):
            rows.join(F.broadcast(rows), "id").count()
    finally:
        spark.conf.unset("spark.sql.maxBroadcastTableSize")


def test_a_driver_s_thread_without_memory_ends_its_jvm(spark: SparkSession) -> None:
    handler = spark.sparkContext._jvm.java.lang.Thread.getDefaultUncaughtExceptionHandler()  # type: ignore[union-attr]
    assert handler.getClass().getName() == "org.apache.spark.util.SparkUncaughtExceptionHandler"


def test_a_heap_that_is_too_small_for_an_array_is_the_driver_s(spark: SparkSession) -> None:
    with pytest.raises(OutOfMemoryError) as raised, translated():
        spark.sparkContext._jvm.java.util.Collections.nCopies(2**31 - 9, 1).toArray()  # type: ignore[union-attr]
    found = shortage_of(raised.value)
    assert found
    assert (found.part, raised.value.what) == (Part.DRIVER_HEAP, f"memory ran out: {found.said}")


def told(config: Config) -> AbstractContextManager[None]:
    return memory_errors(lambda: config, "build", "rush.visits of 2026-01-01")
