"""The day built alone defines its rows. A range must give the same ones, and new code has to show that it does."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from headrace.best_effort import BestEffort
from headrace.days import ONE, DayRange, runs
from headrace.declare import Table
from headrace.errors import DifferentRowsError, NothingComparedError
from headrace.lake.staleness import first_day
from headrace.quality.compare import Comparison, Difference, compare
from headrace.stages.as_of import inputs_of
from headrace.stages.chunks import chunk_of
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress
from headrace.stages.returned import checked_rows, good_rows
from headrace.stages.transform_errors import transform_errors
from headrace.storage import both, write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PASSED, DIFFERED = "passed", "differed"  # what is recorded of code
SAMPLE = 3  # days that are built alone: the first, the last, and one at random
DECLARE = "Declare all days that the transform reads, such as days(-29, 0), or each_day=True"


def sample(days: Sequence[dt.date], size: int, seed: str) -> list[dt.date]:
    """The first and the last of ``days``, and others at random; the same ``seed`` gives the same days."""
    ends = list(dict.fromkeys([days[0], days[-1]])) if days else []
    others = [day for day in days if day not in ends]
    drawn = random.Random(seed).sample(others, min(len(others), max(0, size - len(ends))))
    return sorted([*ends, *drawn])[:size]


def is_unverified(context: StageContext, table: Table, code: str) -> bool:
    """Whether ranges by the code with this digest must be compared: none has passed yet, or one has differed."""
    if table.each_day:
        return False
    passed, differed = (context.layout.compared(table.name, code, how) for how in (PASSED, DIFFERED))
    has_passed, has_differed = both(passed, passed.is_file, differed.is_file)
    return not has_passed or has_differed


def verify_range(context: StageContext, table: Table, good: DataFrame, days: Sequence[dt.date], code: str) -> None:
    """Compare some days of a range with the same days built alone, and record the result for the code.

    It passes only if a day with rows sees less alone than in the range. At the start of a feed, before the look-back is
    full, both see the same days. Code that has once differed never passes.

    Args:
        good: the good rows of the range.
        days: the days of the range that are accepted; no others are compared.
        code: the digest of the table's code. It also decides which day is drawn at random.

    Raises:
        DifferentRowsError: a day has other rows in the range.
    """
    from pyspark.sql import functions as F

    within, chosen = DayRange(min(days), max(days)), sample(sorted(days), SAMPLE, code)
    rows: dict[dt.date, int] = {}
    for day in chosen:
        found = compare_alone(context, table, good.filter(F.col(table.day) == F.lit(day)), day)
        if found.difference is not None:
            _record(context, table, code, DIFFERED, {"day": str(day), "range": str(within)})
            command = f"headrace verify {table.name} --days {within}"
            hint = f"{DECLARE}. If it uses random values or the present time, `{command}` shows it"
            raise different(table, found.difference, ("built alone", f"in the range {within}"), hint)
        rows[day] = found.rows
    log_progress(
        "build", f"{table.name:<20} new code: {len(chosen)} days built alone have the same {sum(rows.values()):,} rows"
    )
    if any(rows[day] and sees_less(table, day, within) for day in chosen):
        _record(context, table, code, PASSED, {str(day): count for day, count in rows.items()})


def sees_less(table: Table, day: dt.date, days: DayRange) -> bool:
    """Whether a day alone does not see the earliest days of its sources that the range sees."""
    earliest = ((day + read.first * ONE, first_day(read.source)) for read in table.sources)
    return day > days.first and all(seen > first for seen, first in earliest)


def verify_published(context: StageContext, table: Table, days: Iterable[dt.date], size: int = SAMPLE) -> list[dt.date]:
    """Compare what the code gives now with what is published, on a sample of the published ones among some days.

    If the sample has no published rows, the first day that has some is compared, too.

    Returns the days that were compared.

    Raises:
        DifferentRowsError: a day would have other rows now.
        NothingComparedError: none of the days is published with rows.
    """
    target = context.table(table)
    published_days = sorted(target.publications.keys() & set(days))
    chosen = sample(published_days, size, code_digest(context, table))
    with_rows = [day for day in published_days if target.publications[day].rows]
    if not {*chosen} & {*with_rows}:
        chosen = sorted([*chosen, *with_rows[:1]])
    rows = 0
    for day in chosen:
        published = target.read(context.spark, DayRange(day, day))
        with transform_errors(table):
            found = compare_alone(context, table, published, day)
        if found.difference is not None:
            hint = f"Build the days again if the new rows are right: headrace build {table.name} --days {day}"
            raise different(table, found.difference, ("built now", "as published"), hint)
        rows += found.rows
    if not rows:
        shown = ", ".join(map(str, runs(published_days))) or "these days"
        raise NothingComparedError(f"{table.name} has no published rows on {shown}", "Choose days that have rows")
    return chosen


def compare_alone(context: StageContext, table: Table, rows: DataFrame, day: dt.date) -> Comparison:
    """Build a day alone, and compare its good rows with ``rows``. The day alone is on the left."""
    alone = DayRange(day, day)
    with context.staging.part(chunk_of(context, table, alone).bytes) as staging:
        inputs = inputs_of(context, table, alone, staging)
        return compare(good_rows(checked_rows(context, table, inputs), table, alone), rows, table.key, table.day)


def different(table: Table, found: Difference, sides: tuple[str, str], hint: str) -> DifferentRowsError:
    """The error for a difference: column, day, an example row with both values, and the number of rows.

    Args:
        sides: how the left and the right rows were made, in words.
    """
    left, right = sides
    counts = [f"{column} in {count:,} rows" for column, count in list(found.columns.items())[:5]]
    counts += [f"{len(found.columns) - 5} more columns"] if len(found.columns) > 5 else []
    counts += [f"{n:,} rows only {side}" for n, side in ((found.only_left, left), (found.only_right, right)) if n]
    counts += [f"another number of rows for {found.repeated:,} keys"] if found.repeated else []
    shown = [
        f"{column} is {one!s} {left} and {other!s} {right}" if column else f"{one} rows {left} and {other} {right}"
        for column, (one, other) in found.examples.items()
    ]
    return DifferentRowsError(
        f"{table.name} has other rows {left} than {right} on {found.day}: {', '.join(counts)}. "
        f"For example {found.key}: {', '.join(shown)}",
        hint,
    )


def _record(context: StageContext, table: Table, code: str, how: str, what: object) -> None:
    with BestEffort(f"that the code of {table.name} was compared with days built alone"):
        write(context.layout.compared(table.name, code, how), json.dumps(what).encode())
