"""The lake and its tables: one object for each Delta table, which a stage reads from and publishes to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.days import DayRange
from headrace.errors import UnknownNameError
from headrace.lake import maintenance
from headrace.lake.publications import DayContents, Publication, delta_table, is_committed, read_publications
from headrace.lake.publish import publish
from headrace.lake.read import read
from headrace.storage import Place, below

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["DayContents", "Lake", "LakeTable"]


class Lake:
    """All tables below one folder. ``sales.orders`` lies in ``<root>/sales/orders``."""

    def __init__(self, root: Place) -> None:
        self.root = root
        self._tables: dict[str, LakeTable] = {}

    def table(self, name: str, *, day: str = "", known_at: str = "known_at") -> LakeTable:
        """The table called ``schema.table``, whether or not it exists. The same name gives the same object.

        Args:
            day: the column with the business day. Reading and publishing need it; a later call may supply it.
            known_at: the column with the instant at which a row could be known. It counts where ``day`` is given.
        """
        table = self._tables.setdefault(name, LakeTable(name, self.root.joinpath(*name.split("."))))
        if day:
            table.day, table.known_at = day, known_at
        return table

    def names(self) -> list[str]:
        """The names of the tables that exist, ``schema.table``, sorted."""
        folders = [log.parent for log in self.root.glob("*/*/_delta_log")]
        return sorted(below(self.root, path).replace("/", ".") for path in folders if is_committed(path))


class LakeTable:
    """One Delta table, which may not exist yet. ``Lake.table`` makes it.

    Publications are read from Delta's log once, on first use, and kept until ``publish`` or ``refresh``.
    """

    def __init__(self, name: str, path: Place, day: str = "", known_at: str = "known_at") -> None:
        self.name = name
        self.path = path
        self.day = day
        self.known_at = known_at
        self._publications: dict[dt.date, Publication] | None = None

    def __repr__(self) -> str:
        return f"LakeTable({self.name!r}, {str(self.path)!r})"

    def exists(self) -> bool:
        """Whether anything has been committed."""
        return is_committed(self.path)

    @property
    def publications(self) -> Mapping[dt.date, Publication]:
        """The newest publication of each day, by day; empty if there is no table."""
        if self._publications is None:
            self._publications = read_publications(self.path)
        return self._publications

    @property
    def publish_ids(self) -> dict[dt.date, str]:
        """The publish id of each published day."""
        return {day: publication.id for day, publication in self.publications.items()}

    def rows(self, days: DayRange) -> int:
        """The number of published rows on ``days``."""
        return sum(publication.rows for day, publication in self.publications.items() if day in days)

    def refresh(self) -> None:
        """Forget the publications that were read; the next use reads them again."""
        self._publications = None

    def read(self, spark: SparkSession, days: DayRange, as_of: dt.datetime | None = None) -> DataFrame:
        """The rows of ``days``; with ``as_of``, only the rows that were known by that instant.

        Raises:
            UnknownNameError: nothing of the table has been published.
        """
        if not self.exists():
            raise UnknownNameError(
                f"no day of {self.name} has been published to {self.path}", f"Run `headrace build {self.name}`"
            )
        return read(spark, self.path, days, day=self._day_column(), known_at=self.known_at, as_of=as_of)

    def publish(self, frame: DataFrame, days: DayRange, contents: DayContents) -> None:
        """Replace ``days`` by the rows of ``frame`` in one commit. All rows of ``frame`` lie on ``days``.

        A crash before the commit leaves the old rows.

        Raises:
            WriteConflictError: another writer committed to the same days meanwhile.
        """
        try:
            publish(frame, self.path, self._day_column(), days, contents)
        finally:
            self.refresh()  # after a conflict, too: the other writer's publications are newer than those kept here

    def delta(self) -> DeltaTable:
        """The table as delta-rs reads it, without Spark.

        Raises:
            deltalake.exceptions.TableNotFoundError: the table does not exist.
        """
        return delta_table(self.path)

    def compact(self, spark: SparkSession) -> int:
        """Merge the small files of each day; rows and publications do not change. Returns how many files it saved."""
        return maintenance.compact(spark, self.path)

    def vacuum(self, spark: SparkSession, hours: float = maintenance.RETAINED_HOURS) -> None:
        """Delete files that no version of the last ``hours`` needs."""
        maintenance.vacuum(spark, self.path, hours)

    def _day_column(self) -> str:
        if not self.day:
            raise ValueError(f"the day column of {self.name} is unknown: pass day=... to Lake.table")
        return self.day
