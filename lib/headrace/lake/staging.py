"""Rows that are read or computed once, and read many times: by transforms, checks and the commit.

Nothing of them stays in memory, and a commit that is lost to another writer is written again without computing them.
Many rows are written as Parquet. Few rows stay on the executors' own disks, because S3 takes seconds for each file.
"""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import TYPE_CHECKING

from headrace import storage
from headrace.best_effort import BestEffort
from headrace.lake import held_rows
from headrace.storage import Place, on_s3, spark_uri

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Nothing is skipped by statistics, and a feed's columns may have names that Parquet in Delta otherwise refuses.
_OF_DELTA = {"delta.dataSkippingNumIndexedCols": "0", "delta.columnMapping.mode": "name"}


FEW_BYTES = 64 << 20  # up to here, requests to S3 cost more than the bytes


class Staging:
    """Staged rows. Leaving the block removes them.

    A killed process leaves its folder behind, and maintenance removes it.

    Args:
        folder: where executors can write files.
        size: the bytes that all rows take in Spark's memory, about; None if nobody knows. Few rows whose folder is in
            S3 stay on the executors' own disks. They are lost with the executor that has them, and what needs them then
            ends with ``LostRowsError``.
    """

    def __init__(self, folder: Place, size: int | None = None) -> None:
        self._folder = folder
        self._stay = on_s3(folder) and size is not None and size <= FEW_BYTES
        self._held: list[DataFrame] = []
        self._parts: list[Staging] = []

    def part(self, size: int | None = None) -> Staging:
        """Staging of its own within this one, for ``size`` bytes of rows that are needed for a shorter time."""
        return Staging(self._folder / uuid.uuid4().hex, size)

    def of_any_size(self) -> Staging:
        """The same for rows that may be more than ``size``. They are removed together."""
        self._parts.append(Staging(self._folder))
        return self._parts[-1]

    def written(self, frame: DataFrame, day: str | None = None) -> DataFrame:
        """Compute the rows now, and read them from disks afterwards.

        Args:
            day: the column with the business day. All rows of a day are then in one file, unless they are more than a
                file takes. Small days share a file. Without it, the rows stay as they are distributed.

        Raises:
            LostRowsError: an executor was lost meanwhile.
        """
        laid_out = frame if day is None else frame.hint("rebalance", day)
        return self._with_executors(laid_out) if self._stay else self._in_files(laid_out)

    def _with_executors(self, frame: DataFrame) -> DataFrame:
        from pyspark import StorageLevel

        held = frame.localCheckpoint(storageLevel=StorageLevel.DISK_ONLY)
        self._held.append(held)
        held_rows.check(held)
        return held

    def _in_files(self, frame: DataFrame) -> DataFrame:
        path, spark = spark_uri(self._folder / uuid.uuid4().hex), frame.sparkSession
        if on_s3(self._folder):
            # A commit of Delta is half of the requests of Spark's committer, which renames files: S3 copies them.
            frame.write.format("delta").options(**_OF_DELTA).save(path)
            return spark.read.format("delta").load(path)
        # Tasks move their files into place themselves: nobody reads them before the job has ended.
        writer = frame.write.option("mapreduce.fileoutputcommitter.algorithm.version", "2")
        writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").parquet(path)
        return spark.read.schema(frame.schema).parquet(path)

    def release(self) -> None:
        """Remove the rows; they cannot be read any more."""
        while self._held:
            with BestEffort("that staged rows were dropped"):
                held_rows.drop(self._held.pop())
        for part in self._parts:
            part.release()
        if not self._stay:
            with BestEffort("that staged rows were removed"):
                storage.remove(self._folder)

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
