"""Verify a table's transform: it repeats itself, a day does not depend on its range, and nothing knows the future.

It builds, compares and publishes nothing. Call ``verify_transform`` in a test of your own, or run ``headrace verify``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.commands import Verify
from headrace.days import DayRange
from headrace.declare import Table
from headrace.errors import DifferentRowsError, NothingComparedError, one_of
from headrace.lake.staleness import look_back_error
from headrace.outcome import Result
from headrace.quality.compare import compare
from headrace.stages.alone import DECLARE, compare_alone, different, sample, sees_less
from headrace.stages.as_of import inputs_of
from headrace.stages.build_plan import expected_of
from headrace.stages.chunks import chunk_of, set_partitions
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext
from headrace.stages.corrections import Corrections
from headrace.stages.later import HOW, Change, KnownWhen, later_rows
from headrace.stages.present_time import uses_present_time
from headrace.stages.progress import log_progress
from headrace.stages.returned import checked_rows, good_rows
from headrace.stages.sources import Input
from headrace.stages.transform_errors import transform_errors

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REPEAT = "Remove what differs from run to run: rand(), current_timestamp(), or a choice by the order of rows"
FILTER = "Use facts only up to the row's own known_at. If columns are known before their row, declare known_earlier"


class VerifyResult(Result):
    """What was verified.

    Attributes:
        compared: the number of rows that each check compared: ``again``, ``alone``, ``left out`` and ``altered``.
        days_alone: the days that were built alone.
        instants: the instants after which facts were changed.
        changed: how many rows of the sources became known after these instants, and were changed.
        not_changed: the sources that were left as they are, because they do not say when their rows became known.
    """

    compared: dict[str, int] = {}
    days_alone: tuple[str, ...] = ()
    instants: tuple[str, ...] = ()
    changed: int = 0
    not_changed: tuple[str, ...] = ()


def verify_table(context: StageContext, command: Verify) -> VerifyResult:
    """Verify the transform of a table on some days; see ``verify_transform`` for the errors."""
    table, days = context.use_case.table(command.table), DayRange.parse(command.days)
    return verify_transform(context, table, days, alone=command.alone, instants=command.instants)


def verify_transform(
    context: StageContext, table: Table, days: DayRange, *, alone: int = 5, instants: int = 3
) -> VerifyResult:
    """Build days in a range, and compare them with days built alone, built again, and built from changed facts.

    A single day is verified in a range with the day before it. If a correction counts for some of the days only, the
    longest range that sees the same deliveries is verified.

    Args:
        alone: how many days are built alone: the first, the last, and others at random.
        instants: at how many instants the facts that became known afterwards are changed.

    Raises:
        DifferentRowsError: a check found other rows; it names column, day and an example of each check.
        NothingComparedError: a check compared no rows.
        MissingLookBackError: days of a source are missing.
        TransformError: the transform failed, perhaps on a changed value.
    """
    days = _alike(context, table, days if len(days) > 1 else days.widened(1))
    if waiting := expected_of(context, table, list(days), code_digest(context, table)).waiting:
        raise look_back_error(table, waiting)
    size = chunk_of(context, table, days).bytes
    set_partitions(context, size)
    with context.staging.part(size) as staging:
        inputs = inputs_of(context, table, days, staging)
        with transform_errors(table, days):
            checked = checked_rows(context, table, inputs)
            rows = staging.written(good_rows(checked, table, days), table.day)
            failures = uses_present_time(table, checked)
            return _Verification(context, table, days, inputs, rows).result(alone, instants, failures)


def _alike(context: StageContext, table: Table, days: DayRange) -> DayRange:
    """The longest part of the days that sees the same deliveries, as a build would cut them."""
    parts = Corrections(context.landings, table).split(days)
    longest = max(parts, key=len)
    if len(parts) > 1:
        log_progress(
            "verify", f"{table.name:<20} corrections cut the days into {len(parts)} ranges; checking {longest}"
        )
    return longest


@dataclass(frozen=True)
class _Verification:
    """The rows of a range as they are, and the sources that they were made from."""

    context: StageContext
    table: Table
    days: DayRange
    inputs: list[Input]
    rows: DataFrame

    def result(self, alone: int, instants: int, failures: list[DifferentRowsError]) -> VerifyResult:
        table = self.table
        known = [KnownWhen.of(read) for read in self.inputs]
        not_changed = {read.source.name for read, when in zip(self.inputs, known, strict=True) if when is None}
        with_rows = sorted(row[0] for row in self.rows.select(table.day).distinct().collect())
        days = sample(with_rows, alone, code_digest(self.context, table))
        at = self._instants(instants) if any(known) else []
        changed = sum(later_rows(r, when, t) for r, when in zip(self.inputs, known, strict=True) if when for t in at)
        compared = {
            "again": self._again(failures),
            "alone": self._alone(days, failures),
            **{name: self._later(name, how, known, at, failures) for name, how in HOW.items() if at},
        }
        if not any(sees_less(table, day, self.days) for day in days):
            log_progress("verify", f"{table.name:<20} the look-back is not full, so `alone` shows nothing")
        for check, rows in compared.items():
            log_progress("verify", f"{table.name:<20} {check}", rows=f"{rows:,}")
        if not_changed:
            log_progress("verify", f"{table.name:<20} no known_at, so not changed: {', '.join(sorted(not_changed))}")
        result = VerifyResult(
            stage=Verify.stage, of=table.name, days=str(self.days), rows=sum(compared.values()), compared=compared,
            days_alone=tuple(map(str, days)), instants=tuple(t.isoformat() for t in at), changed=changed,
            not_changed=tuple(sorted(not_changed)),
        )  # fmt: skip
        self.context.note(result)
        if failures:
            raise one_of(failures)
        if not all(compared.values()) or (at and not changed):
            what = "no rows were compared" if not all(compared.values()) else "no fact became known later"
            raise NothingComparedError(f"{table.name} on {self.days}: {what}", "Choose more days, or days with rows")
        return result

    def _again(self, failures: list[DifferentRowsError]) -> int:
        """Build the range again, from rows in another order."""
        parts = self.context.spark.sparkContext.defaultParallelism + 1
        shuffled = [dataclasses.replace(read, rows=read.rows.repartition(parts)) for read in self.inputs]
        found = compare(self.rows, self._built(shuffled), self.table.key, self.table.day)
        if found.difference is not None:
            failures.append(different(self.table, found.difference, ("built once", "built again"), REPEAT))
        return found.rows

    def _alone(self, days: list[dt.date], failures: list[DifferentRowsError]) -> int:
        """Build days alone, up to the first that differs."""
        from pyspark.sql import functions as F

        rows = 0
        for day in days:
            in_range = self.rows.filter(F.col(self.table.day) == F.lit(day))
            found = compare_alone(self.context, self.table, in_range, day)
            rows += found.rows
            if found.difference is not None:
                sides = ("built alone", f"in the range {self.days}")
                failures.append(different(self.table, found.difference, sides, DECLARE))
                break
        return rows

    def _later(
        self, name: str, how: Change, known: list[KnownWhen | None], at: list[dt.datetime],
        failures: list[DifferentRowsError],
    ) -> int:  # fmt: skip
        """Change what became known after each instant, up to the first at which a row moves that was known by then."""
        from pyspark.sql import functions as F

        rows = 0
        for instant in at:
            changed = [how(r, when, instant) if when else r for r, when in zip(self.inputs, known, strict=True)]
            as_it_is = self.rows.filter(F.col(self.table.known_at) <= F.lit(instant))
            # Only these rows: a sum over part of its facts may be known earlier, and then has no row to compare with.
            after = self._built(changed).join(as_it_is.select(*self.table.key), list(self.table.key), "left_semi")
            found = compare(as_it_is, after, self.table.key, self.table.day)
            rows += found.rows
            if found.difference is not None:
                sides = ("as it is", f"with facts {name} that became known after {instant:%Y-%m-%d %H:%M:%S} UTC")
                failures.append(different(self.table, found.difference, sides, FILTER))
                break
        return rows

    def _built(self, inputs: list[Input]) -> DataFrame:
        return good_rows(checked_rows(self.context, self.table, inputs), self.table, self.days)

    def _instants(self, count: int) -> list[dt.datetime]:
        """Instants at which a row of the table became known, which divide its rows into equal parts."""
        from pyspark.sql import functions as F

        shares = [(n + 1) / (count + 1) for n in range(count)]
        row = self.rows.agg(F.percentile_approx(F.unix_micros(self.table.known_at), shares)).first()
        micros = (row and row[0]) or []
        return [dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=n) for n in sorted(set(micros))]
