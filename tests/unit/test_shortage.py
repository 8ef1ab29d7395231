"""Which errors mean that memory ran out, and what a person is told: how much there was, and which setting to change."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from headrace import config as configuration
from headrace.backends.local.memory import explained
from headrace.commands import Build, Job
from headrace.config import Config
from headrace.errors import BadInputError, OutOfMemoryError, Retry, StorageError, one_of, retry_after
from headrace.outcome import Outcome
from headrace.shortage import Part, Shortage, kernel_kills, shortage_of
from headrace.sizing.memory import out_of_memory
from pyspark.errors import PythonException, SparkRuntimeException

CONF = Path(__file__).parents[2] / "conf"
SUBJECT = "flights.features of 2013-01-01..2013-02-28"
STAGE_FAILED = (
    "Job aborted due to stage failure: Task 1 in stage 2.0 failed 1 times, most recent failure: "
    "Lost task 1.0 in stage 2.0 (TID 3) (localhost executor driver): "
)
WORKER = 'An exception was thrown from the Python worker:\nTraceback (most recent call last):\n  File "/p.py", line 3\n'


@pytest.mark.parametrize(
    ("text", "part", "said"),
    [
        (f"{STAGE_FAILED}java.lang.OutOfMemoryError: Java heap space\n\tat x", Part.TASK_HEAP, "Java heap space"),
        (f"{STAGE_FAILED}org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows to a.\n"
         "\tat x\nCaused by: java.lang.OutOfMemoryError: Java heap space\n\tat y", Part.TASK_HEAP, "Java heap space"),
        (f"{STAGE_FAILED}java.lang.OutOfMemoryError: GC overhead limit exceeded", Part.TASK_HEAP,
         "GC overhead limit exceeded"),
        (f"{STAGE_FAILED}org.apache.spark.memory.SparkOutOfMemoryError: [UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire "
         "65536 bytes of memory, got 0. SQLSTATE: 53200", Part.TASK_HEAP,
         "Unable to acquire 65536 bytes of memory, got 0"),
        ("Could not allocate memory to grow BytesToBytesMap", Part.TASK_HEAP,
         "Could not allocate memory to grow BytesToBytesMap"),
        ("An error occurred while calling o41.collectToPython.\n: java.lang.OutOfMemoryError: Java heap space\n\tat x",
         Part.DRIVER_HEAP, "Java heap space"),
        (": org.apache.SparkException: Not enough memory to build and broadcast the table to all worker nodes. As",
         Part.BROADCAST, "Not enough memory to build and broadcast the table to all worker nodes"),
    ],
)  # fmt: skip
def test_what_java_says_names_the_part_whose_memory_ran_out(text: str, part: Part, said: str) -> None:
    assert shortage_of(SparkRuntimeException(text)) == Shortage(part, said)


@pytest.mark.parametrize(
    "raised",
    ["MemoryError", "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB",
     "pyarrow.lib.ArrowMemoryError: malloc of size 64 failed", "RuntimeError: std::bad_alloc",
     "OSError: [Errno 12] Cannot allocate memory"],
)  # fmt: skip
def test_what_a_python_worker_raised_for_lack_of_memory_is_told_apart(raised: str) -> None:
    assert shortage_of(PythonException(WORKER + raised)) == Shortage(Part.TASK_PYTHON, raised)


@pytest.mark.parametrize(
    "fault",
    [
        PythonException(f"{WORKER}ValueError: no java.lang.OutOfMemoryError: Java heap space, no MemoryError"),
        SparkRuntimeException("The value 'java.lang.OutOfMemoryError: x' cannot be cast to INT. SQLSTATE: 22018"),
        SparkRuntimeException("Python worker exited unexpectedly (crashed)"),
        ValueError("Could not allocate memory to grow BytesToBytesMap"),
        OSError(errno.ENOSPC, "No space left on device"),
        BadInputError("MemoryError"),
        PythonException(f"{WORKER}shop.errors.NoMemoryError: the shop's own"),
    ],
)
def test_an_error_that_only_speaks_of_memory_has_another_cause(fault: Exception) -> None:
    assert shortage_of(fault) is None


@pytest.mark.parametrize("fault", [MemoryError(), OSError(errno.ENOMEM, "fork"), RuntimeError("std::bad_alloc")])
def test_what_the_driver_s_python_raises_for_lack_of_memory_is_its_own(fault: Exception) -> None:
    found = shortage_of(fault)
    assert found
    assert (found.part, found.said.partition(":")[0]) == (Part.DRIVER_PYTHON, type(fault).__name__)


def test_an_error_that_was_raised_from_one_about_memory_is_one() -> None:
    fault = ValueError("no totals")
    fault.__cause__ = MemoryError()
    assert shortage_of(fault) == Shortage(Part.DRIVER_PYTHON, "MemoryError")


def test_an_error_of_ours_may_quote_spark() -> None:
    quoted = "Unable to acquire 65536 bytes of memory, got 0"
    assert shortage_of(OutOfMemoryError(f"rush.visits: {quoted}")) == Shortage(Part.TASK_HEAP, quoted)
    assert shortage_of(OutOfMemoryError("memory ran out")) is None


def test_a_lost_worker_counts_where_the_kernel_ended_a_process_meanwhile() -> None:
    lost = SparkRuntimeException("Python worker exited unexpectedly (crashed)")
    assert shortage_of(lost, killed=True) == Shortage(Part.TASK_PYTHON, "the kernel ended a worker")
    assert kernel_kills() >= 0


def told(config: Config, part: Part, stage: str = "build", said: str = "said", python_bytes: int = 0) -> str:
    return str(out_of_memory(config, stage, SUBJECT, Shortage(part, said), python_bytes))


def test_on_this_machine_the_reason_names_the_heap_the_tasks_and_the_settings(config: Config) -> None:
    assert told(config, Part.TASK_HEAP, said="Java heap space") == (
        f"{SUBJECT} ran out of memory: 3 GB of heap, 2 tasks at once (Java heap space). "
        "Raise spark.driver_memory in conf/local.yaml, or lower build.chunk_mb"
    )
    python = told(config, Part.TASK_PYTHON, "land", python_bytes=3 * 2**29)
    assert "GB in this machine, 3 GB of heap, 2 tasks at once, 1.5 GB held by Python (said). Lower " in python
    assert python.endswith("in conf/local.yaml, or take fewer days at once")
    assert "spark.driver.maxResultSize in spark.conf of conf/local.yaml" in told(config, Part.RESULTS)
    assert "spark.sql.autoBroadcastJoinThreshold" in told(config, Part.BROADCAST)


def test_on_a_cluster_the_reason_names_the_bound_of_the_stage_s_size(monkeypatch: pytest.MonkeyPatch) -> None:
    staging = configuration.load("staging", CONF)
    monkeypatch.setenv("HEADRACE_SIZE", staging.sizes["build"].model_dump_json())
    bounds = {
        Part.TASK_HEAP: "1500 MB of heap in the executor, 2 tasks at once (said). Raise sizes.build.executor.memory",
        Part.TASK_PYTHON: "1 GB beside the heap in the executor, 2 tasks at once (said). Raise sizes.build.executor.ov",
        Part.DRIVER_HEAP: "1500 MB of heap in the driver (said). Raise sizes.build.driver.memory in conf/staging.yaml",
        Part.DRIVER_PYTHON: "1 GB beside the heap in the driver (said). Raise sizes.build.driver.overhead",
    }
    for part, words in bounds.items():
        assert f"{SUBJECT} ran out of memory: {words}" in told(staging, part)


def test_the_size_that_a_person_asked_for_is_the_one_to_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    staging = configuration.load("staging", CONF)
    monkeypatch.setenv("HEADRACE_SIZE", staging.sizes["train"].model_dump_json())
    assert "Raise sizes.train.executor.memory" in told(staging, Part.TASK_HEAP)


def test_a_job_whose_jvm_or_process_is_gone_is_told_what_it_worked_on(config: Config) -> None:
    job = Job.of(Build("flights.features", "2013-01-01..2013-02-28")).with_arguments(["--env", "local"])
    gone = Outcome(52, "Py4JJavaError: Job 0 cancelled because SparkContext was shut down", printed=True)
    told = explained(config, job, gone, killed_by_kernel=False)
    assert (told.code, told.printed) == (71, False)
    assert told.reason.startswith(f"OutOfMemoryError: {SUBJECT} ran out of memory: 3 GB of heap, 2 tasks at once (")
    named = Outcome(52, "OutOfMemoryError: flights.legs of 2013-01-01 ran out of memory: 3 GB of heap", printed=True)
    assert explained(config, job, named, killed_by_kernel=False) == Outcome(71, named.reason)
    killed = Outcome(137, "ended by signal 9 (Killed)")
    assert explained(config, job, killed, killed_by_kernel=True).code == 71
    assert explained(config, job, killed, killed_by_kernel=False) == killed


def test_memory_that_ran_out_has_a_code_of_its_own_and_is_not_tried_again() -> None:
    error = OutOfMemoryError("t ran out of memory", "Raise it")
    assert Outcome.of_error(error) == Outcome(71, "OutOfMemoryError: t ran out of memory. Raise it")
    retries = {code: retry_after(code) for code in (65, 70, 71, 75, 137, 1)}
    never, once, always = Retry.NEVER, Retry.ONCE, Retry.ALWAYS
    assert retries == {65: never, 70: once, 71: never, 75: always, 137: always, 1: always}
    assert one_of([StorageError("S3 is away"), error]).exit_code == 71
