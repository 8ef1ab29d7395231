"""Where a stage runs: the configuration, the use case, the lake, and Spark once the stage asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from headrace import declare
from headrace.config import Config, ConfigSource
from headrace.days import DayRange
from headrace.declare import Source, Table, UseCase
from headrace.lake.acceptances import Acceptance, acceptances
from headrace.lake.staging import Staging
from headrace.lake.table import Lake, LakeTable
from headrace.landing.landings import Landings
from headrace.layout import Layout
from headrace.outcome import MAX_DAYS, Published, Result
from headrace.stages.progress import log_progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class StageContext:
    """What a stage works with. One stage uses one context, so that it reads each table's history once.

    Attributes:
        noted: what the stage has found so far.
        code_digests: each table's digest of code when the stage first asked; ``check_unchanged`` finds later changes.
        code_parts: the digests of the parts of each table's code, once they are known.
        accepted: the acceptances of each table that is read, once they are known.
    """

    config: Config
    use_case: UseCase
    noted: list[Result] = field(default_factory=list, compare=False)
    code_digests: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    code_parts: dict[str, dict[str, str]] = field(default_factory=dict, compare=False, repr=False)
    accepted: dict[str, list[Acceptance]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def spark(self) -> SparkSession:
        """The process's session; the first use starts it."""
        from headrace.session import spark_session

        session = spark_session(self.config, f"headrace {self.use_case.package}")
        if address := session.sparkContext.uiWebUrl:
            log_progress("spark", f"Spark UI {address}")
        return session

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.layout.tables)

    @cached_property
    def staging(self) -> Staging:
        """Rows that this stage computes once and reads many times; ``close`` removes them."""
        return Staging(self.layout.staging).part()

    def close(self) -> None:
        """Remove what the stage staged."""
        if "staging" in self.__dict__:
            self.staging.release()

    @property
    def layout(self) -> Layout:
        return self.config.layout

    @cached_property
    def landings(self) -> Landings:
        return Landings(self.layout.raw)

    def refresh(self, source: Source) -> None:
        """Look at the newest state of a feed or a table. Until then the stage sees it as it first found it."""
        if isinstance(source, Table):
            self.table(source).refresh()
            self.accepted.pop(source.name, None)
        else:
            self.landings.refresh(source.name)

    def table(self, declared: Table) -> LakeTable:
        """A declared table as it is in the lake."""
        return self.lake.table(declared.name, day=declared.day, known_at=declared.known_at)

    def acceptances(self, table: Table) -> list[Acceptance]:
        """The acceptances of a table, the oldest first."""
        if table.name not in self.accepted:
            self.accepted[table.name] = acceptances(self.table(table).path)
        return self.accepted[table.name]

    def note(self, result: Result) -> None:
        """Keep what the stage has found so far: if it fails, the ledger records this."""
        self.noted.append(result)


def open_context(source: ConfigSource) -> StageContext:
    """Read the configuration and load the use case that it names."""
    config = source.load()
    return StageContext(config, declare.load(config.use_case))


def published(table: LakeTable, days: DayRange) -> Published:
    """The rows and publish ids of a table on ``days``, as a stage's result gives them."""
    found = {day: p for day, p in table.publications.items() if day in days}
    ids = {str(day): p.id for day, p in found.items()} if len(found) <= MAX_DAYS else {}
    rows, quarantined = sum(p.rows for p in found.values()), sum(p.quarantined for p in found.values())
    return Published(rows=rows, quarantined=quarantined, ids=ids)
