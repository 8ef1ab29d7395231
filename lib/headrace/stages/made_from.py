"""What days of a table would be made from now: the parts of its code, and the publish ids of what it reads."""

from __future__ import annotations

from headrace.days import DayRange
from headrace.declare import LookBack, Table
from headrace.lake.made_from import MadeFrom, SeenIds
from headrace.lake.staleness import is_reference
from headrace.stages.as_of import View
from headrace.stages.code_digest import code_parts
from headrace.stages.context import StageContext


def made_from_now(context: StageContext, table: Table, days: DayRange) -> MadeFrom:
    """What a build of ``days`` sees. They must see the same deliveries, as the days of one commit do."""
    view = View.of(context, table, table.cut_off_on(days.first))
    return MadeFrom(code=code_parts(context, table), sources={r.name: seen(view, r, days) for r in reads_of(table)})


def reads_of(table: Table) -> list[LookBack]:
    """What a table reads: each source once, with all days that it reads of it, from the first to the last."""
    by_name: dict[str, LookBack] = {}
    for read in table.sources:
        other = by_name.get(read.name, read)
        by_name[read.name] = LookBack(read.source, min(read.first, other.first), max(read.last, other.last))
    return list(by_name.values())


def seen(view: View, read: LookBack, days: DayRange) -> SeenIds:
    """The publish ids of a source that a build of ``days`` sees."""
    within = days.widened(-read.first, read.last)
    return SeenIds.of(view.ids(read.source, within), None if is_reference(read) else within)
