"""Which days a correction can change, and where it cuts a range."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from headrace.days import ONE, DayRange
from headrace.declare import CutOff, Feed, Table
from headrace.landing.delivered import Delivered
from headrace.landing.entry import Record
from headrace.landing.landings import Landings
from headrace.landing.log import Log
from headrace.landing.state import Day
from headrace.stages.corrections import Corrections

ENTRIES = Feed("entries", "entries/{day}/*", "c.yaml")
STATIONS = Feed("stations", "stations/*", "c.yaml")
FACTS = Table("t.facts", [ENTRIES.days(-1, 0), STATIONS], "m:f", "c.yaml", "day", ["day"])
FEATURES = Table("t.features", [FACTS.days(-2, 0)], "m:f", "c.yaml", "day", ["day"], cut_off=CutOff("06:00"))
DAYS = DayRange.parse("2026-01-01..2026-01-12")


def on(number: int) -> dt.date:
    return DAYS.first + (number - 1) * ONE


def noon(number: int) -> dt.datetime:
    return dt.datetime.combine(on(number), dt.time(12), dt.UTC)


def days(first: int, last: int) -> DayRange:
    return DayRange(on(first), on(last))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A raw area where all days and the stations landed together, long after the days."""
    for day in DAYS:
        landed(tmp_path, "entries", day, noon(100), "first")
    landed(tmp_path, "stations", None, noon(100), "first")
    return tmp_path


def landed(raw: Path, feed: str, day: Day, at: dt.datetime, content: str) -> None:
    file = Delivered(name="e.csv", bytes=1, sha256=content, rows=1, columns=("a",), stored=content)
    log = Log(raw, feed)
    log.append(log.read().state, (Record(feed=feed, day=day, landed_at=at, source="x", files=(file,)),))


def of_features(raw: Path) -> Corrections:
    return Corrections(Landings(raw), FEATURES)


def test_without_corrections_all_days_are_one_range_and_all_instants_are_now(raw: Path) -> None:
    corrections = of_features(raw)
    assert corrections.split(DAYS) == [DAYS]
    assert corrections.first_unseen(noon(1)) is None


def test_a_correction_cuts_a_range_where_a_day_that_looks_back_on_it_begins_to_see_it(raw: Path) -> None:
    landed(raw, "entries", on(5), noon(6), "second")
    assert of_features(raw).split(DAYS) == [days(1, 6), days(7, 12)]


def test_a_correction_that_no_day_with_a_later_cut_off_looks_back_on_cuts_nothing(raw: Path) -> None:
    landed(raw, "entries", on(5), noon(8), "second")
    assert of_features(raw).split(DAYS) == [DAYS]


def test_each_correction_cuts_a_range(raw: Path) -> None:
    landed(raw, "entries", on(5), noon(6), "second")
    landed(raw, "entries", on(5), noon(7), "third")
    landed(raw, "stations", None, noon(10), "second")
    assert of_features(raw).split(DAYS) == [days(1, 6), days(7, 7), days(8, 10), days(11, 12)]


def test_the_same_files_under_another_name_are_no_correction(raw: Path) -> None:
    landed(raw, "entries", on(5), noon(6), "first")
    assert of_features(raw).split(DAYS) == [DAYS]


def test_days_of_facts_differ_if_a_day_of_their_look_back_was_corrected(raw: Path) -> None:
    landed(raw, "entries", on(5), noon(6), "second")
    assert of_features(raw).between(FACTS, noon(6), None, DAYS) == {on(5), on(6)}
    assert of_features(raw).between(FACTS, noon(7), None, DAYS) == set()


def test_a_new_set_of_a_reference_feed_makes_all_days_of_facts_differ(raw: Path) -> None:
    landed(raw, "stations", None, noon(6), "second")
    assert of_features(raw).between(FACTS, noon(6), None, DAYS) == set(DAYS)


def test_a_table_with_a_cut_off_of_its_own_never_differs(raw: Path) -> None:
    landed(raw, "entries", on(5), noon(6), "second")
    assert of_features(raw).between(FEATURES, noon(1), None, DAYS) == set()
