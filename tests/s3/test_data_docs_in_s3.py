"""Data docs in S3: a run sends as many requests after many runs as after few, and runs at once lose no page."""

from __future__ import annotations

import datetime as dt
import re
import threading

from headrace.quality import docs
from headrace.storage import S3Path

from tests.support.sent_requests import counting_requests

AT = dt.datetime(2026, 1, 2, 10, 23, 45, tzinfo=dt.UTC)
SUITE = docs.suite_page_name("orders", "1f2e3d4c5b")


def run(site: S3Path, title: str = "orders") -> str:
    """Save the page of a run; returns its name."""
    name = docs.page_name(title, True, AT)
    docs.save(site, AT.date(), {name: title}, {SUITE: lambda: "the suite"})
    return name


def listed(site: S3Path) -> set[str]:
    return set(re.findall(r'href="(\d{6}-[^"]+)"', (site / str(AT.date()) / "index.html").read_text()))


def test_a_run_sends_six_requests_however_many_ran_before(folder: S3Path) -> None:
    found = {}
    for number in range(32):
        with counting_requests() as sent:
            run(folder, f"orders-{number}")
        found[number] = len(sent)
    assert (found[3], found[31]) == (6, 6)
    assert len(listed(folder)) == 32
    assert f'href="{AT.date()}/index.html"' in (folder / "index.html").read_text()


def test_runs_at_once_lose_no_page(folder: S3Path) -> None:
    made: list[str] = []
    runs = [threading.Thread(target=lambda n=n: made.append(run(folder, f"orders-{n}"))) for n in range(8)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert listed(folder) == set(made)
    assert len(made) == 8
