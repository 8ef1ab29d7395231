"""Run a Great Expectations suite on each day of a frame before it is published, and render its data docs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.quality.docs import on_disk
from headrace.quality.offline import make_offline
from headrace.storage import Place

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from headrace.quality.expectations import Suite

MAX_PAGES = 10  # of refused days, each with a page and the expectations that fail


def failing_days(
    frame: DataFrame,
    day: str,
    days: Sequence[dt.date],
    suite: Path,
    table: str,
    docs_folder: Place,
    docs_page: Place,
) -> dict[dt.date, str]:
    """The days on which a suite (JSON, as Great Expectations writes it) fails, each with the reason in one sentence.

    Each day is judged by its own rows. The data docs need no internet, and get a page for the range and one for each of
    the first ten days that fail.

    Args:
        frame: rows of ``days`` only.
        day: the column with the day.
        table: the table's name in the data docs.
        docs_folder: where Great Expectations keeps its results and data docs.
        docs_page: the first page of the data docs, to which reasons point.

    Raises:
        DeclarationError: the file is not a suite.
    """
    from headrace.quality.expectations import Suite

    with on_disk(docs_folder) as folder:
        opened = Suite(suite, table, folder)
        failed = _failed_results(opened, frame, day, days)
        make_offline(folder)
    return {on: _reason(results, suite.name, docs_page) for on, results in failed.items()}


def _failed_results(suite: Suite, frame: DataFrame, day: str, days: Sequence[dt.date]) -> Mapping[dt.date, list[Any]]:
    """The failed results of each day on which the suite fails; without results from the eleventh such day on."""
    from pyspark.sql import functions as F

    if len(days) == 1:
        failed = list(suite.run(frame, str(days[0])).values())
        return {days[0]: failed} if failed else {}
    of_range = suite.run(frame, f"{days[0]}..{days[-1]}", only=suite.hold_for_parts)
    if any(_error(result) for result in of_range.values()):  # such as a column that does not exist
        return {on: list(of_range.values()) for on in days}
    suspects = suite.suspects(frame, day, days, of_range)
    found: dict[dt.date, list[Any]] = {}
    for on in suspects[:MAX_PAGES]:
        found[on] = list(suite.run(frame.filter(F.col(day) == F.lit(on)), str(on)).values())
    return found | {on: [] for on in suspects[MAX_PAGES:]}


def _reason(results: Sequence[Any], suite: str, page: Place) -> str:
    if not results:
        return f"expectations of {suite} fail"
    described = "; ".join(_described(result) for result in results[:3])
    count = "1 expectation" if len(results) == 1 else f"{len(results)} expectations"
    return f"{count} of {suite} fail{'s' if len(results) == 1 else ''}: {described} (open {page})"


def _described(result: Any) -> str:
    """One failed expectation in a few words: the column, what was expected, and what was observed."""
    config = result.expectation_config
    arguments = {k: v for k, v in config.kwargs.items() if k not in ("batch_id", "column") and v is not None}
    observed = result.result.get("observed_value", result.result.get("unexpected_count"))
    return f"{config.type} {config.kwargs.get('column', '')} {arguments}: saw {_error(result) or observed}"


def _error(result: Any) -> str:
    """What Great Expectations raised instead of judging; it reports one error, or one for each metric."""
    info = result.exception_info or {}
    errors = [info] if "raised_exception" in info else list(info.values())
    return next((str(error["exception_message"]) for error in errors if error["raised_exception"]), "")
