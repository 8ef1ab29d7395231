"""Closed ranges of days: read, widened, joined."""

from __future__ import annotations

import datetime as dt

import pytest
from headrace.days import DayRange, runs
from headrace.errors import ConfigError


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_a_range_holds_both_of_its_ends() -> None:
    days = DayRange.parse("2013-02-27..2013-03-01")
    assert list(days) == [day("2013-02-27"), day("2013-02-28"), day("2013-03-01")]
    assert len(days) == 3
    assert day("2013-03-01") in days
    assert day("2013-03-02") not in days
    assert "2013-03-01" not in days


@pytest.mark.parametrize("text", ["2013-12-01", "2013-12-01..2013-12-07"])
def test_a_range_is_written_as_it_is_read(text: str) -> None:
    assert str(DayRange.parse(text)) == text


@pytest.mark.parametrize("text", ["2013-12-1", "2013-12-01..", "..2013-12-01", "2013-12-01...2013-12-07", "today", ""])
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        DayRange.parse(text)
    assert str(refused.value) == f"{text!r} is not a range of days. Write 2026-01-31, or 2026-01-01..2026-01-07"


def test_a_range_whose_ends_are_swapped_is_refused() -> None:
    with pytest.raises(ConfigError) as refused:
        DayRange.parse("2013-12-07..2013-12-01")
    assert str(refused.value) == "the range of days 2013-12-07..2013-12-01 ends before it begins. Swap its ends"


def test_look_back_widens_a_range_at_its_beginning_only() -> None:
    assert DayRange.parse("2013-03-01").widened(28) == DayRange.parse("2013-02-01..2013-03-01")
    assert DayRange.parse("2013-03-01").widened(1, 2) == DayRange.parse("2013-02-28..2013-03-03")


def test_days_join_into_the_fewest_ranges_that_hold_just_them() -> None:
    days = [day(d) for d in ("2013-01-02", "2012-12-31", "2013-01-01", "2013-01-02", "2013-01-04")]
    assert [str(r) for r in runs(days)] == ["2012-12-31..2013-01-02", "2013-01-04"]
    assert runs([]) == []
