"""Rows that are read or computed once, written as Parquet, and read many times: by transforms, checks and the commit.

Nothing of them stays in memory, and a commit that is lost to another writer is written again without computing them.
"""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import TYPE_CHECKING

from headrace import storage
from headrace.best_effort import BestEffort
from headrace.storage import Place, on_s3, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Nothing is skipped by statistics, and a feed's columns may have names that Parquet in Delta otherwise refuses.
_OF_DELTA = {"delta.dataSkippingNumIndexedCols": "0", "delta.columnMapping.mode": "name"}


class Staging:
    """A folder of staged rows, which leaving the block removes. Executors must see it.

    A killed process leaves its folder behind, and maintenance removes it.
    """

    def __init__(self, folder: Place) -> None:
        self._folder = folder

    def part(self) -> Staging:
        """A folder of its own within this one, for rows that are needed for a shorter time."""
        return Staging(self._folder / uuid.uuid4().hex)

    def written(self, frame: DataFrame, day: str | None = None) -> DataFrame:
        """Compute the rows now, and read them from files afterwards.

        Args:
            day: the column with the business day. All rows of a day are then in one file, unless they are more than a
                file takes. Small days share a file. Without it, the rows stay as they are distributed.
        """
        laid_out = frame if day is None else frame.hint("rebalance", day)
        path, spark = spark_uri(self._folder / uuid.uuid4().hex), frame.sparkSession
        if on_s3(self._folder):
            # A commit of Delta is half of the requests of Spark's committer, which renames files: S3 copies them.
            laid_out.write.format("delta").options(**_OF_DELTA).save(path)
            return spark.read.format("delta").load(path)
        # Tasks move their files into place themselves: nobody reads them before the job has ended.
        writer = laid_out.write.option("mapreduce.fileoutputcommitter.algorithm.version", "2")
        writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").parquet(path)
        return spark.read.schema(frame.schema).parquet(path)

    def release(self) -> None:
        """Remove the rows; they cannot be read any more."""
        with BestEffort("that staged rows were removed"):
            storage.remove(self._folder)

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
