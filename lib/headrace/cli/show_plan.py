"""What a build would do, shown to a person: the days of each table, and why they are built, wait or stand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from headrace.cli.show import CONSOLE, grid_of
from headrace.stages.chunks import MEGABYTE
from headrace.stages.plan_builds import Reason, TablePlan

SHOWN_RANGES = 4


def show_plans(plans: Sequence[TablePlan]) -> None:
    """Print the totals of all tables, and then the reasons of each."""
    totals = grid_of("table", "days to build", "chunks", "rows to read", "MB")
    for plan in plans:
        counts = (plan.days, len(plan.chunks), plan.rows, math.ceil(plan.bytes / MEGABYTE))
        totals.add_row(plan.table, *[f"{count:,}" for count in counts])
    CONSOLE.print(totals)
    for plan in plans:
        reasons = grid_of("", "days", "why")
        for does, reason in _reasons(plan):
            reasons.add_row(does, listed(reason.days), sentence(reason))
        if reasons.row_count:
            CONSOLE.print(f"\n[bold]{plan.table}[/]")
            CONSOLE.print(reasons)


def sentence(reason: Reason) -> str:
    """Why days are built, wait or stand, in words."""
    what, of = reason.what, f"{reason.what} of {listed(reason.source_days)}" if reason.source_days else reason.what
    return {
        "never built": "never built",
        "rows changed": what,
        "code": f"changed: {what or 'code, contract, checks or settings'}",
        "feed": f"other files count: {of}",
        "table": f"built again since: {of}",
        "table to build": f"will be built: {of}",
        "unknown": "something that it reads changed, and its commit does not say what",
        "waiting": f"missing: {of}" if reason.source_days else what,
        "accepted": f"its code was accepted: {what}",
    }[reason.kind]


def listed(ranges: Sequence[str]) -> str:
    """Ranges of days; of many, the first ones and how many more there are."""
    more = len(ranges) - SHOWN_RANGES
    return ", ".join(ranges) if more <= 1 else f"{', '.join(ranges[:SHOWN_RANGES])} and {more:,} more ranges"


def _reasons(plan: TablePlan) -> Iterator[tuple[str, Reason]]:
    for does, reasons in (("build", plan.reasons), ("wait", plan.waiting), ("stand", plan.accepted)):
        for reason in reasons:
            yield does, reason
