"""Run a Great Expectations suite on each day of a frame before it is published, and keep its data docs."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.best_effort import BestEffort
from headrace.quality import docs
from headrace.quality.offline import INDEX
from headrace.storage import Place

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from headrace.quality.expectations import Results
    from headrace.quality.judge import Judge

MAX_PAGES = 10  # of refused days, each with a page and the expectations that fail


@contextmanager
def imported_meanwhile() -> Iterator[None]:
    """Import Great Expectations beside the block, which waits for Spark and imports nothing. It takes seconds."""
    import pandas as pd  # noqa: F401 - two threads must not import what both need
    import pyspark.sql.functions  # noqa: F401

    modules = ["headrace.quality.expectations", "headrace.quality.judge", "headrace.quality.pages"]
    thread = threading.Thread(target=lambda: [importlib.import_module(name) for name in modules], daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def failing_days(
    frame: DataFrame,
    day: str,
    days: Sequence[dt.date],
    suite: Path,
    table: str,
    site: Place,
) -> dict[dt.date, str]:
    """The days on which a suite (JSON, as Great Expectations writes it) fails, each with the reason in one sentence.

    Each day is judged by its own rows. The data docs need no internet, and get a page for all days together and one for
    each of the first ten days that fail. They are a record: if they cannot be written, the verdict stands.

    Args:
        frame: rows of ``days`` only.
        day: the column with the day.
        table: the table's name in the data docs.
        site: the folder of the data docs.

    Raises:
        DeclarationError: the file is not a suite.
    """
    from headrace.quality.expectations import Suite
    from headrace.quality.judge import Judge

    judge = Judge(Suite(suite), frame, day, days)
    shown = {on: judge.results(on) for on in list(judge.failed)[:MAX_PAGES]}
    links = dict.fromkeys(shown, str(site / INDEX))
    with BestEffort("the data docs of this run"):
        links |= _save(judge, suite, table, days, shown, site)
    return {on: _reason(shown.get(on, {}), suite.name, links.get(on, "")) for on in judge.failed}


def _save(
    judge: Judge, suite: Path, table: str, days: Sequence[dt.date], shown: Mapping[dt.date, Results], site: Place
) -> dict[dt.date, str]:
    """Save the page of all days and the pages of some failing days; returns where the latter are."""
    from headrace.quality.pages import results_page, suite_page

    at = dt.datetime.now(dt.UTC)
    of_suite = docs.suite_page_name(judge.suite.name, hashlib.sha256(suite.read_bytes()).hexdigest())
    pages: dict[str, str] = {}

    def add(title: str, results: Results) -> str:
        name = docs.page_name(title, all(result.success for result in results.values()), at)
        pages[name] = results_page(judge.suite, title, results, at, of_suite)
        return name

    names = {on: add(f"{table}-{on}", results) for on, results in shown.items()}
    if len(days) > 1 or not names:
        of_all = f"{days[0]}..{days[-1]}" if len(days) > 1 else str(days[0])
        add(f"{table}-{of_all}", judge.results_of_all())
    docs.save(site, at.date(), pages, {of_suite: lambda: suite_page(judge.suite)})
    return {on: str(site / at.date().isoformat() / name) for on, name in names.items()}


def _reason(results: Results, suite: str, page: str) -> str:
    failed = [results[place] for place in sorted(results) if not results[place].success]
    if not failed:
        return f"expectations of {suite} fail"
    described = "; ".join(_described(result) for result in failed[:3])
    count = "1 expectation" if len(failed) == 1 else f"{len(failed)} expectations"
    return f"{count} of {suite} fail{'s' if len(failed) == 1 else ''}: {described} (open {page})"


def _described(result: Any) -> str:
    """One failed expectation in a few words: the column, what was expected, and what was observed."""
    from headrace.quality.expectations import error

    config = result.expectation_config
    arguments = {k: v for k, v in config.kwargs.items() if k not in ("batch_id", "column") and v is not None}
    observed = result.result.get("observed_value", result.result.get("unexpected_count"))
    return f"{config.type} {config.kwargs.get('column', '')} {arguments}: saw {error(result) or observed}"
