"""The deliveries of a feed, shown without Spark: when each landed, and from when it counts."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.cli.show import CONSOLE, SHOWN_DAYS, grid_of
from headrace.config import Config
from headrace.days import DayRange, runs
from headrace.declare import Feed
from headrace.landing.entry import Record
from headrace.landing.log import Log
from headrace.landing.state import Day, Deliveries, State
from headrace.landing.visible import counting


def show_feed(config: Config, feed: Feed, days: DayRange | None) -> None:
    """The deliveries of the newest days, or of ``days``. A day of a table uses the last one before its cut-off."""
    state = Log(config.layout.raw, feed.name).read().state
    landed = sorted(day for day in {*state.deliveries, *state.withdrawn} if day)
    wanted: list[Day] = [day for day in landed if days is None or day in days] if feed.daily else [None]
    corrected = [day for day in wanted if day and len(counting(state.deliveries.get(day, ()))) > 1]
    CONSOLE.print(
        f"[bold]{feed.name}[/]  {', '.join(map(str, runs(landed))) or 'nothing'} landed"
        f"{'  corrected: ' + ', '.join(map(str, runs(corrected))) if corrected else ''}",
        soft_wrap=True,
    )
    grid = grid_of("day", "landed at", "rows", "counts", "files")
    for day in wanted if days else wanted[-SHOWN_DAYS:]:
        for record, counts in _deliveries(state, day):
            at, files = f"{record.landed_at:%Y-%m-%d %H:%M:%S} UTC", ", ".join(file.stored for file in record.files)
            rows = "not counted" if record.rows is None else f"{record.rows:,}"
            grid.add_row(str(day or "all"), at, rows, counts, files or "none")
    CONSOLE.print(grid)


def _deliveries(state: State, day: Day) -> Iterator[tuple[Record, str]]:
    """The deliveries of a day in the order of their landing, each with what it counts for; then the withdrawn ones."""
    standing = state.deliveries.get(day, ())
    for record in standing:
        yield record, _counts(record, counting(standing))
    for one in state.withdrawn.get(day, ()):
        yield one.record, f"for nothing: withdrawn by {one.by}: {one.reason}"


def _counts(record: Record, counted: Deliveries) -> str:
    if record not in counted:
        return "no more: another took its place"
    if record != counted[0]:
        return "from its landing: a correction"
    why = f": {record.restated.by} restated the day: {record.restated.reason}" if record.restated else ""
    return f"from the beginning{why}"
