"""The cut-off of a table: a time on or before each day, and never before the cut-off of what the table reads."""

from __future__ import annotations

import datetime as dt

import pytest
from headrace.declare import CutOff, Feed, Source, Table
from pydantic import ValidationError

NEW_YORK = "America/New_York"
ORDERS = Feed("orders", "orders/{day}/*.csv", "orders.yaml")


def table(name: str, *reads: Source, cut_off: CutOff | None = None, days: tuple[int, int] = (0, 0)) -> Table:
    looks_back = [source.days(*days) for source in reads]
    return Table(f"t.{name}", looks_back, "make:it", f"{name}.yaml", "day", ["day"], cut_off=cut_off)


@pytest.mark.parametrize(
    ("cut_off", "instant"),
    [
        (CutOff("00:00"), dt.datetime(2026, 7, 10, tzinfo=dt.UTC)),
        (CutOff("21:00", days_before=1, zone=NEW_YORK), dt.datetime(2026, 7, 10, 1, tzinfo=dt.UTC)),
    ],
)
def test_a_cut_off_is_a_local_time_on_or_before_the_day(cut_off: CutOff, instant: dt.datetime) -> None:
    assert table("features", ORDERS, cut_off=cut_off).cut_off_on(dt.date(2026, 7, 10)) == instant


def test_a_table_of_facts_has_no_cut_off() -> None:
    assert table("facts", ORDERS).cut_off_on(dt.date(2026, 7, 10)) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"at": "25:00"}, "the cut-off '25:00' is not a time: write it as 06:00"),
        ({"at": "06:00+02:00"}, r"the cut-off '06:00\+02:00' has an offset from UTC: write it as 06:00"),
        ({"at": "06:00", "zone": "America/NewYork"}, "no time zone is called 'America/NewYork'"),
        ({"at": "06:00", "days_before": -1}, "days_before is -1: a cut-off is on the day or before it"),
    ],
)
def test_a_cut_off_that_cannot_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CutOff(**wrong)  # type: ignore[arg-type]


def test_a_table_may_read_tables_with_the_same_or_an_earlier_cut_off_and_facts() -> None:
    facts, early = table("facts", ORDERS), table("early", ORDERS, cut_off=CutOff("20:00", days_before=1))
    table("features", facts, early, cut_off=CutOff("20:00", days_before=1), days=(-7, 0))


@pytest.mark.parametrize("by_facts", [False, True])
def test_a_table_that_reads_one_with_a_later_cut_off_is_refused(by_facts: bool) -> None:
    late = table("late", ORDERS, cut_off=CutOff("06:00"))
    read = table("facts", late) if by_facts else late
    with pytest.raises(ValidationError, match=r"because it reads t\.late on 2024-01-01, whose cut-off is later"):
        table("features", read, cut_off=CutOff("00:00"), days=(-7, 0))


def test_a_cut_off_that_is_later_only_in_winter_time_is_refused() -> None:
    late = table("late", ORDERS, cut_off=CutOff("00:00", zone="Europe/London"))
    with pytest.raises(ValidationError, match="on 2024-01-01 would see corrections"):
        table("features", late, cut_off=CutOff("23:30", days_before=1))
