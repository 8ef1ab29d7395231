"""Accept new code of a table: days that only the code makes stale stand as they are, if it makes the same rows."""

from __future__ import annotations

import datetime as dt

from headrace.days import DayRange, runs
from headrace.declare import Table
from headrace.errors import CodeNotAcceptedError, NothingComparedError
from headrace.lake.acceptances import Acceptance, accept, acceptances
from headrace.stages.alone import verify_published
from headrace.stages.as_of import look
from headrace.stages.build_plan import expected_of, expected_under
from headrace.stages.code_digest import check_unchanged, code_digest
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress
from headrace.who import user


def accept_code(context: StageContext, table: Table, days: DayRange | None, reason: str) -> list[DayRange]:
    """Accept the table's code for the days that are stale only because they were made by other code.

    For each such code, the first, the last and a random day are built and compared with what is published.

    Args:
        days: None for all published days.

    Returns:
        the days that are not stale any more.

    Raises:
        DifferentRowsError: a built day differs from the published one.
        CodeNotAcceptedError: the code of stale days is unknown.
    """
    look(context, table)
    code, target = code_digest(context, table), context.table(table)
    accepted: list[dt.date] = []
    for old, made in _by_code(context, table, days, code).items():
        try:
            compared = verify_published(context, table, made)
        except NothingComparedError:
            continue  # days without rows show nothing, and are quickly built again
        check_unchanged(context, table, code)
        number = len(acceptances(target.path)) + 1
        entry = Acceptance(
            number=number,
            old=old,
            new=code,
            days=tuple(runs(made)),
            compared=tuple(compared),
            reason=reason,
            by=user(),
            at=dt.datetime.now(dt.UTC),
        )
        accept(target.path, entry)
        log_progress("build", f"{table.name:<20} {', '.join(map(str, entry.days))}  code {code} accepted for {old}")
        accepted += made
    return runs(accepted)


def _by_code(context: StageContext, table: Table, days: DayRange | None, code: str) -> dict[str, list[dt.date]]:
    """The stale days whose inputs have not changed since they were published, by the code that made them."""
    published = {day: found for day, found in context.table(table).publications.items() if days is None or day in days}
    expected = expected_of(context, table, sorted(published), code).ids
    stale = [day for day, publish_id in expected.items() if publish_id != published[day].id]
    by_code: dict[str, list[dt.date]] = {}
    for day in stale:
        by_code.setdefault(published[day].code, []).append(day)
    if unknown := by_code.pop("", []):
        listed = ", ".join(map(str, runs(unknown)))
        raise CodeNotAcceptedError(
            f"which code made {listed} of {table.name} was not recorded, so whether only code has changed is unknown",
            f"Build these days without --accept-code: `headrace build {table.name} --days {unknown[0]}..{unknown[-1]}`",
        )
    unchanged = {}
    for old, made in by_code.items():
        under_old = expected_under(context, table, made, old).ids
        if same := [day for day in made if under_old.get(day) == published[day].id]:
            unchanged[old] = same
    return unchanged
