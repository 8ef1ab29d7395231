"""Acceptances of a table: somebody has shown that new code makes the same rows, so that days need not be built again.

An acceptance is a numbered file beside the table, which only one process can create. It changes no publication: a day
keeps the publish id that its rows were built under. So nothing that depends on the day becomes stale either.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from headrace.days import DayRange
from headrace.errors import WriteConflictError
from headrace.frozen import FrozenModel
from headrace.storage import Place, records

FOLDER = "_headrace/acceptances"  # Delta and Spark ignore folders whose name begins with an underscore


class Acceptance(FrozenModel):
    """New code makes the same rows as old code, on some days of a table.

    Attributes:
        old, new: digests of code.
        days: the days that it holds for.
        compared: the days of it that were built with the new code and compared with what is published.
        reason, by, at: why, who, and when.
    """

    number: int
    old: str
    new: str
    days: DayRange
    compared: tuple[dt.date, ...]
    reason: str
    by: str
    at: dt.datetime


def acceptances(table: Place) -> list[Acceptance]:
    """All acceptances of a table, the oldest first.

    Raises:
        ArtefactError: one of them was changed after it was written.
    """
    return [records.read(path, Acceptance) for path in records.in_order(table / FOLDER)]


def oldest_code(found: Sequence[Acceptance], code: str, day: dt.date) -> str:
    """The code under whose digest a day keeps its publish id: newer code, up to ``code``, was accepted for it.

    Args:
        found: all acceptances of the table, the oldest first.
    """
    for acceptance in reversed(found):
        if acceptance.new == code and day in acceptance.days:
            code = acceptance.old
    return code


def accept(table: Place, acceptance: Acceptance) -> None:
    """Keep an acceptance.

    Raises:
        WriteConflictError: another process has just kept one with this number.
    """
    try:
        records.create(table / FOLDER / f"{acceptance.number:06}.json", acceptance)
    except FileExistsError:
        raise WriteConflictError(f"another process accepts code for {table} at the same time", "Run it again") from None
