"""The lists of the data docs: a run costs the same after many runs, and runs at once lose no page."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from headrace import storage
from headrace.quality import docs

AT = dt.datetime(2026, 1, 2, 10, 23, 45, tzinfo=dt.UTC)
SUITE = docs.suite_page_name("orders", "1f2e3d4c5b")


def run(site: Path, title: str = "orders", at: dt.datetime = AT) -> str:
    """Save the page of a run; returns its path."""
    name = docs.page_name(title, True, at)
    docs.save(site, at.date(), {name: title}, {SUITE: lambda: "the suite"})
    return f"{at.date()}/{name}"


def listed(site: Path) -> set[str]:
    """The paths of all pages to which the first page leads."""
    days = re.findall(r'href="([^"]+)/index.html"', (site / "index.html").read_text())
    lists = {day: (site / day / "index.html").read_text() for day in days}
    return {f"{day}/{name}" for day in days for name in re.findall(r'href="(\d{6}-[^"]+)"', lists[day])}


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often files are opened or replaced in the block."""
    calls: Counter[str] = Counter()

    def counting(name: str, original: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            calls[name] += 1
            return original(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("open", "replace", "read_bytes", "read_text", "write_bytes"):
            patch.setattr(Path, name, counting(name, getattr(Path, name)))
        yield calls


def test_a_run_reads_and_writes_as_many_files_after_30_runs_as_after_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for number in range(32):
        with counted(monkeypatch) as calls:
            run(tmp_path, f"orders-{number}")
        found[number] = dict(calls)
    assert found[3] == found[31]
    assert len(listed(tmp_path)) == 32


def test_each_day_has_its_list_and_the_first_page_lists_the_days(tmp_path: Path) -> None:
    made = {run(tmp_path, at=AT + dt.timedelta(days=n)) for n in range(3)}
    assert listed(tmp_path) == made
    first_page = (tmp_path / "index.html").read_text()
    assert first_page.index("2026-01-04") < first_page.index("2026-01-03")


def test_runs_at_once_lose_no_page(tmp_path: Path) -> None:
    made: list[str] = []
    runs = [threading.Thread(target=lambda n=n: made.append(run(tmp_path, f"orders-{n}"))) for n in range(8)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert listed(tmp_path) == set(made)
    assert len(made) == 8


def test_a_page_that_comes_while_another_run_lists_the_pages_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run lists its folder, then this run saves its page, then the other run writes its list."""
    made: list[str] = []
    replace_if = storage.replace_if

    def late(to: storage.Place, content: bytes, tag: str | None) -> bool:
        if not made:
            made.append("")
            made.append(run(tmp_path, "in between"))
        return replace_if(to, content, tag)

    monkeypatch.setattr(docs, "replace_if", late)
    made.append(run(tmp_path, "the other"))
    assert listed(tmp_path) == set(made[1:])


def test_a_suite_is_rendered_once_a_day(tmp_path: Path) -> None:
    rendered: list[int] = []

    def render() -> str:
        rendered.append(1)
        return "the suite"

    for _ in range(3):
        docs.save(tmp_path, AT.date(), {docs.page_name("orders", True, AT): "results"}, {SUITE: render})
    assert rendered == [1]


def test_a_title_with_signs_that_a_link_cannot_have_is_listed(tmp_path: Path) -> None:
    made = run(tmp_path, "a/b ü?")
    assert listed(tmp_path) == {made}
