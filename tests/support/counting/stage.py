"""The function of the stage ``count``."""

from __future__ import annotations

from counting import Count
from headrace.days import DayRange
from headrace.errors import MissingInputError
from headrace.outcome import Result
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress
from headrace.stages.sources import records


class CountResult(Result):
    """The rows of each day."""

    by_day: dict[str, int] = {}


def count_rows(context: StageContext, command: Count) -> CountResult:
    """Count the landed rows of each day, with Spark.

    Raises:
        MissingInputError: there are fewer rows than the command asks for.
    """
    days = DayRange.parse(command.days)
    found = records(context, context.use_case.feed(command.feed), days)
    frame = context.spark.createDataFrame([(str(record.day), record.rows) for record in found], "day string, rows long")
    by_day = {row["day"]: row["sum(rows)"] for row in frame.groupBy("day").sum("rows").collect()}
    rows = sum(by_day.values())
    log_progress("count", f"{command.feed} {days}", rows=rows)
    result = CountResult(stage=command.stage, of=command.feed, days=str(days), rows=rows, by_day=by_day)
    context.note(result)
    if rows < command.at_least:
        raise MissingInputError(f"{command.feed} has {rows} rows on {days}, fewer than {command.at_least}", "Land more")
    return result
