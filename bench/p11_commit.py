"""P11: a commit with our log store, beside Delta's own, which protects the drivers of one JVM only.

Both take turns in one session, on a real S3 server that is 20 ms away. The figure is the time that one file of the log
takes. An append to a table is measured as well, and reported beside it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from headrace import config as configuration
from headrace.session import spark_session
from headrace.storage import S3Path, spark_uri

from bench.far_s3 import far_bucket
from bench.result import Result, cores
from bench.turns import in_turns
from tests.support import PROJECT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AWAY_SECONDS = 0.02  # of each request
WRITES, APPENDS, TURNS = 20, 5, 5
MAX_RATIO = 1.1
SETTING = "spark.delta.logStore.s3a.impl"
STORES = {"ours": "io.headrace.delta.S3LogStore", "peer": "io.delta.storage.S3SingleDriverLogStore"}


def run(turns: int = TURNS) -> Result:
    """Measure; milliseconds are medians of the turns. A turn commits several times."""
    with far_bucket("p11-commit") as (bucket, be_away, _):
        be_away(AWAY_SECONDS)
        spark = spark_session(configuration.load("local", PROJECT / "conf", root=bucket), "P11")
        writes = in_turns({name: _writing(spark, bucket, name) for name in STORES}, turns)
        appends = in_turns({name: _appending(spark, bucket, name) for name in STORES}, turns)
        spark.stop()
    ours, peer = (1000 * writes[name].median / WRITES for name in STORES)
    return Result(
        id="P11-commit",
        what="a commit's file in S3, 20 ms away, with our log store / with Delta's own (less is better)",
        ours=round(ours, 1),
        peer=round(peer, 1),
        unit="ms",
        ratio=round(ours / peer, 3),
        aim=f"<= {MAX_RATIO}",
        met=ours / peer <= MAX_RATIO,
        cores=cores(),
        rows=WRITES,
        append_seconds={name: round(times.median / APPENDS, 3) for name, times in appends.items()},
        append_ratio=round(appends["ours"].median / appends["peer"].median, 3),
    )


def _writing(spark: SparkSession, bucket: S3Path, name: str) -> Callable[[], None]:
    """Write ``WRITES`` files of a log with a store."""
    jvm: Any = spark._jvm
    hadoop = spark._jsc.hadoopConfiguration()  # type: ignore[attr-defined]
    store = reduce(getattr, STORES[name].split("."), jvm)(hadoop)

    def write() -> None:
        log = f"{spark_uri(bucket)}/{name}/{uuid.uuid4().hex}/_delta_log"
        for number in range(WRITES):
            path = jvm.org.apache.hadoop.fs.Path(log, f"{number:020}.json")
            store.write(path, jvm.java.util.List.of("x" * 1000).iterator(), False, hadoop)

    return write


def _appending(spark: SparkSession, bucket: S3Path, name: str) -> Callable[[], None]:
    """Append ``APPENDS`` times to a new table, with a session that uses the store."""

    def append() -> None:
        # Delta reads the setting when it opens a table, and each turn opens another.
        spark.conf.set(SETTING, STORES[name])
        table = f"{spark_uri(bucket)}/{name}/{uuid.uuid4().hex}"
        for number in range(APPENDS):
            spark.range(number, number + 1).write.format("delta").mode("append").save(table)

    return append
