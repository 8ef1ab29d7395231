"""`headrace show` lists the deliveries of a feed, and the cut-off of each day of a table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from headrace.cli.show_feed import show_feed
from headrace.landing.delivered import Delivered
from headrace.landing.entry import Record
from headrace.landing.log import Log
from headrace.landing.withdraw import withdraw
from headrace.stages.context import StageContext

from tests.support import known_lake
from tests.support.known_lake import correct, noon
from tests.support.rush_lake import day, days


@pytest.fixture(autouse=True)
def _wide_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.cli.show_feed.CONSOLE.width", 200)


@pytest.fixture
def lake(tmp_path: Path) -> StageContext:
    """Days 1 to 9 landed together; day 2 was corrected twice, and the second correction withdrawn; day 3 restated."""
    context = known_lake.landed(tmp_path / "root", tmp_path / "inbox")
    correct(context, 2, noon(4))
    correct(context, 2, noon(5), more=9)
    withdraw(context.layout.raw, "entries", [day(2)], reason="sent by mistake", now=noon(6))
    correct(context, 3, noon(7), restate="counted twice")
    return context


def shown(lake: StageContext, capsys: pytest.CaptureFixture[str], within: str = "") -> list[str]:
    """The lines that are printed on a wide screen, each with single spaces and without the names of files."""
    show_feed(lake.config, lake.use_case.feed("entries"), days(2, 3) if within else None)
    lines = capsys.readouterr().out.splitlines()
    return [re.sub(r"\s+", " ", re.sub(r"\S+\.csv\.gz", "", line)).strip() for line in lines]


def test_each_delivery_says_when_it_landed_and_from_when_it_counts(
    lake: StageContext, capsys: pytest.CaptureFixture[str]
) -> None:
    first, header, *deliveries = shown(lake, capsys, "2..3")
    assert first == "entries 2026-01-01..2026-01-09 landed corrected: 2026-01-02"
    assert header == "day landed at rows counts files"
    *counting, withdrawn, replaced, restated = deliveries
    assert counting == [
        "2026-01-02 2026-01-03 12:00:00 UTC 6 from the beginning",
        "2026-01-02 2026-01-04 12:00:00 UTC 6 from its landing: a correction",
    ]
    assert re.match(r"2026-01-02 2026-01-05 .* for nothing: withdrawn by \S+: sent by mistake$", withdrawn)
    assert replaced == "2026-01-03 2026-01-03 12:00:00 UTC 6 no more: another took its place"
    assert restated.endswith("from the beginning: ann restated the day: counted twice")


def test_without_days_the_newest_are_shown(lake: StageContext, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(lake, capsys)
    assert [line[:10] for line in lines if "UTC" in line] == [str(on) for on in days(5, 9)]


def test_a_delivery_that_landed_by_reference_has_no_number_of_rows(
    lake: StageContext, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log(lake.layout.raw, "entries")
    file = Delivered(name="e", stored="e.csv.gz", bytes=1, sha256="", rows=None, columns=("a",), version="v1")
    record = Record(feed="entries", day=day(10), landed_at=noon(11), source="s3://inbox/*", files=(file,))
    log.append(log.read().state, (record,))
    assert "2026-01-10 2026-01-11 12:00:00 UTC not counted from the beginning" in shown(lake, capsys)
