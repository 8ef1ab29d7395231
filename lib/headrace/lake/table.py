"""The lake and its tables: one object for each Delta table, which a stage reads from and publishes to."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.days import DayRange, runs
from headrace.errors import UnknownNameError, WriteConflictError
from headrace.lake import maintenance
from headrace.lake.commits import is_committed
from headrace.lake.conflicts import ATTEMPTS, pause
from headrace.lake.current import delta_table
from headrace.lake.look import look, write_index
from headrace.lake.publications import Change, DayContents, Publication, TableState
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

    The first use looks at Delta's log. From then on the object is pinned: publications and rows are as of the Delta
    version that was found, until ``publish`` or ``refresh``.
    """

    def __init__(self, name: str, path: Place, day: str = "", known_at: str = "known_at") -> None:
        self.name = name
        self.path = path
        self.day = day
        self.known_at = known_at
        self._state: TableState | None = None
        self._foreseen: Mapping[dt.date, Publication] | None = None

    def __repr__(self) -> str:
        return f"LakeTable({self.name!r}, {str(self.path)!r})"

    def exists(self) -> bool:
        """Whether anything has been committed."""
        return self._pinned.version >= 0

    @property
    def version(self) -> int:
        """The Delta version that publications and rows are as of; -1 if there is no table."""
        return self._pinned.version

    @property
    def publications(self) -> Mapping[dt.date, Publication]:
        """The newest publication of each day, by day; empty if there is no table."""
        return self._pinned.publications if self._foreseen is None else self._foreseen

    @property
    def changes(self) -> Mapping[dt.date, Change]:
        """The days without a publication because somebody else changed their rows, each with that commit."""
        return self._pinned.changes

    @property
    def publish_ids(self) -> dict[dt.date, str]:
        """The publish id of each published day."""
        return {day: publication.id for day, publication in self.publications.items()}

    def rows(self, days: DayRange) -> int:
        """The number of published rows on ``days``."""
        return sum(publication.rows for day, publication in self.publications.items() if day in days)

    def refresh(self) -> None:
        """Look at the newest version of the table."""
        self._state, _ = look(self.path, self._state)
        self._foreseen = None

    def foresee(self, publications: Mapping[dt.date, Publication]) -> None:
        """Show these publications too, as if they had been made. Plans do so; nothing is written.

        It lasts until ``refresh``.
        """
        self._foreseen = {**self._pinned.publications, **publications}

    def read(self, spark: SparkSession, days: DayRange, as_of: dt.datetime | None = None) -> DataFrame:
        """The rows of ``days``; with ``as_of``, only the rows that were known by that instant.

        Raises:
            UnknownNameError: nothing of the table has been published.
        """
        if not self.exists():
            raise UnknownNameError(
                f"no day of {self.name} has been published to {self.path}", f"Run `headrace build {self.name}`"
            )
        return read(spark, self.path, self.version, days, day=self._day_column(), known_at=self.known_at, as_of=as_of)

    def publish(
        self, frame: DataFrame, contents: DayContents, standing: Mapping[dt.date, Publication] | None = None
    ) -> None:
        """Replace the days of ``contents`` by the rows of ``frame``, which all lie on them, in one commit.

        Publishing is a compare-and-swap. If somebody publishes other days of the table meanwhile, the rows are written
        again. A crash before the commit leaves the old rows.

        Args:
            standing: the table's publications as the caller found them before it read what the rows are made from
                [default: as of the object's own version].

        Raises:
            WriteConflictError: somebody published some of these days since then. Their rows may come from newer input.
        """
        day, token = self._day_column(), uuid.uuid4().hex
        standing = self.publications if standing is None else standing
        for attempt in range(ATTEMPTS):
            self._refuse_published(contents, standing)
            if self._commit(frame, day, contents, token):
                return
            pause(attempt)
        raise WriteConflictError(f"{self.name} met another writer {ATTEMPTS} times", "Run it again later")

    def delta(self) -> DeltaTable:
        """The table as delta-rs reads it, without Spark.

        Raises:
            deltalake.exceptions.TableNotFoundError: the table does not exist.
        """
        return delta_table(self.path)

    def compact(self, spark: SparkSession) -> int:
        """Merge the small files of each day; rows and publications do not change. Returns how many files it saved.

        Raises:
            WriteConflictError: a writer replaced files meanwhile.
        """
        return maintenance.compact(spark, self.path)

    def vacuum(self, spark: SparkSession, hours: float = maintenance.RETAINED_HOURS) -> None:
        """Delete files that no version of the last ``hours`` needs."""
        maintenance.vacuum(spark, self.path, hours)

    @property
    def _pinned(self) -> TableState:
        if self._state is None:
            self.refresh()
        assert self._state is not None
        return self._state

    def _refuse_published(self, contents: DayContents, standing: Mapping[dt.date, Publication]) -> None:
        moved = [day for day in contents.ids if self.publications.get(day) != standing.get(day)]
        if moved:
            raise WriteConflictError(
                f"another writer published {', '.join(map(str, runs(moved)))} of {self.name} first", "Run it again"
            )

    def _commit(self, frame: DataFrame, day: str, contents: DayContents, token: str) -> bool:
        """Try to commit once. Returns whether the log has the commit, which counts more than how the try ended."""
        generation = self._pinned.generation + 1
        failure: Exception | None = None
        try:
            publish(frame, self.path, day, contents, generation=generation, token=token)
        except Exception as error:
            failure = error
        self._state, commits = look(self.path, self._state)
        if any(commit.token == token for commit in commits):
            write_index(self.path, self._state)
            return True
        if failure is not None and not isinstance(failure, WriteConflictError):
            raise failure
        return False

    def _day_column(self) -> str:
        if not self.day:
            raise ValueError(f"the day column of {self.name} is unknown: pass day=... to Lake.table")
        return self.day
