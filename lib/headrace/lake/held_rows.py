"""Rows of a local checkpoint: blocks on the executors' disks, without the query that made them.

Spark cannot make them a second time. So whoever reads them twice reads the same rows, or an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import LostRowsError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def check(held: DataFrame) -> None:
    """Make sure that each block exists once. After a lost executor there may be none, or two from two attempts.

    Two attempts have the same rows only if the transform repeats itself.

    Raises:
        LostRowsError: a block exists more than once, or not at all.
    """
    context: Any = held.sparkSession.sparkContext
    rdd, master = _rdd(held), context._jsc.sc().env().blockManager().master()
    for number in range(rdd.getNumPartitions()):
        block = context._jvm.org.apache.spark.storage.RDDBlockId(rdd.id(), number)
        if master.getLocations(block).size() != 1:
            raise LostRowsError("an executor was lost while rows were computed once and for all", "Try again")


def drop(held: DataFrame) -> None:
    """Free the executors' disks. ``RDD.unpersist`` would warn that the rows are gone, which is what is wanted."""
    context: Any = held.sparkSession.sparkContext
    context._jsc.sc().unpersistRDD(_rdd(held).id(), False)


def _rdd(held: DataFrame) -> Any:
    return held._jdf.queryExecution().analyzed().rdd()
