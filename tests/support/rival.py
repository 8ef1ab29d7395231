"""One of several drivers that write to one table or one log at the same time. ``tests.support.rivals`` starts it.

It waits until all are ready, and notes what it was told: a line for each write that succeeded.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TRIES = 100  # of one append that meets conflicts


def main(order: dict[str, Any]) -> None:
    from headrace import config
    from headrace.session import spark_session
    from headrace.storage import spark_uri

    loaded = config.load("local", Path(order["conf"]), root=order["root"])
    spark = spark_session(loaded, f"rival {order['name']}")
    spark.range(1).count()
    write = WAYS[order["way"]](spark, spark_uri(loaded.layout.tables / "rivals" / "rows"), order["name"])
    Path(order["ready"]).touch()
    while not Path(order["go"]).exists():
        time.sleep(0.002)
    with Path(order["told"]).open("a") as told, Path(order["steps"]).open("ab", buffering=0) as steps:
        for number in range(order["writes"]):
            if order["apart"] is not None:
                wait_for_the_others(order, number)
            if write(number):
                told.write(f"{number}\n")
                told.flush()
            steps.write(b".")


def wait_for_the_others(order: dict[str, Any], number: int) -> None:
    """Wait until all drivers have made so many writes, and then for a moment, so that not always the same is first."""
    while any(Path(steps).stat().st_size < number for steps in order["all_steps"]):
        time.sleep(0.002)
    time.sleep(random.uniform(0, order["apart"]))


def appending(spark: SparkSession, table: str, name: str) -> Callable[[int], bool]:
    """Append a row to a table, and do so again after a conflict."""
    from delta import exceptions

    conflicts = tuple(getattr(exceptions, kind) for kind in exceptions.__all__)

    def append(number: int) -> bool:
        row = spark.range(number, number + 1).selectExpr(f"'{name}' as writer", "id as number")
        for _ in range(TRIES):
            try:
                row.write.format("delta").mode("append").save(table)
            except conflicts:
                continue
            return True
        raise RuntimeError(f"{name} met conflicts {TRIES} times")

    return append


def logging(spark: SparkSession, table: str, name: str) -> Callable[[int], bool]:
    """Create a version of a log with the store that Delta uses there. Another writer may have been first."""
    from py4j.protocol import Py4JJavaError

    jvm: Any = spark._jvm
    hadoop = spark._jsc.hadoopConfiguration()  # type: ignore[attr-defined]
    folder = jvm.org.apache.hadoop.fs.Path(jvm.org.apache.hadoop.fs.Path(table), "_delta_log")
    folder.getFileSystem(hadoop).mkdirs(folder)
    folder = folder.getFileSystem(hadoop).makeQualified(folder)
    kind = spark.conf.get(f"spark.delta.logStore.{folder.toUri().getScheme()}.impl")
    store = reduce(getattr, str(kind).split("."), jvm)(hadoop)

    def create(number: int) -> bool:
        path = jvm.org.apache.hadoop.fs.Path(folder, f"{number:020}.json")
        try:
            store.write(path, jvm.java.util.List.of(name).iterator(), False, hadoop)
        except Py4JJavaError as error:
            if error.java_exception.getClass().getSimpleName() != "FileAlreadyExistsException":
                raise
            return False
        return True

    return create


WAYS = {"append": appending, "log": logging}

if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
