"""The version that scores a day is the champion of then: trained as on that day or before, and not rolled back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.days import DayRange
from headrace.registry.champions import LAST, champions_by_day, days_by_champion
from headrace.registry.promotions import Promotion
from headrace.registry.versions import Version

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def march(day: int) -> dt.date:
    return dt.date(2026, 3, day)


def history(*versions: int) -> list[Promotion]:
    """Promotions of these versions, in this order; 0 rolls the last one back."""
    made: list[Promotion] = []
    for number, version in enumerate(versions, start=1):
        made.append(
            Promotion(
                number=number, kind="promote" if version else "rollback", model="sales.late", version=version,
                version_digest="d", verdict="It passes", reason="test", by="a test", at=NOW,
            )
        )  # fmt: skip
    return made


def trained(on: dict[int, int]) -> Callable[[Promotion], Version]:
    """Finds versions by their numbers; each was trained as on the given day of March."""

    def version_of(promotion: Promotion) -> Version:
        number = promotion.version
        return Version(
            model="sales.late", number=number, training_id=str(number), created_at=NOW, path=Path(), digest="d",
            pins={"trained_on": str(march(on[number]))},
        )  # fmt: skip

    return version_of


def scoring(promoted: list[Promotion], on: dict[int, int], *days: int) -> list[int | None]:
    """The numbers of the versions that score these days of March."""
    found = champions_by_day(promoted, trained(on), map(march, days))
    return [found[march(day)].number if march(day) in found else None for day in days]


def test_each_day_is_scored_by_the_newest_version_that_was_trained_as_on_that_day_or_before() -> None:
    assert scoring(history(1, 2), {1: 10, 2: 17}, 10, 16, 17, 31) == [1, 1, 2, 2]


def test_days_before_the_first_version_have_no_model() -> None:
    assert scoring(history(1, 2), {1: 10, 2: 17}, 8, 9, 10) == [None, None, 1]
    assert scoring([], {}, 8) == [None]


def test_a_version_that_was_rolled_back_scores_no_day() -> None:
    assert scoring(history(1, 2, 0), {1: 10, 2: 17}, 9, 10, 20) == [None, 1, 1]
    assert scoring(history(1, 2, 0, 3), {1: 10, 2: 17, 3: 24}, 20, 24) == [1, 3]
    assert scoring(history(1, 2, 3, 0, 0), {1: 10, 2: 17, 3: 24}, 17, 24) == [1, 1]


def test_a_version_that_was_restored_scores_its_days_again() -> None:
    assert scoring(history(1, 2, 0, 2), {1: 10, 2: 17}, 16, 17) == [1, 2]


def test_the_newest_promotion_counts_and_not_the_newest_training() -> None:
    assert scoring(history(2, 1), {1: 10, 2: 24}, 9, 10, 24, 31) == [None, 1, 1, 1]


def test_a_retraining_of_the_past_scores_all_days_from_the_day_that_it_was_trained_for() -> None:
    assert scoring(history(1, 2, 3), {1: 10, 2: 24, 3: 17}, 16, 17, 24, 31) == [1, 3, 3, 3]


def test_the_days_of_all_champions_meet_and_the_present_one_has_no_last_day() -> None:
    found = days_by_champion(history(1, 2, 3), trained({1: 10, 2: 10, 3: 17}))
    assert [(version.number, days) for version, days in found] == [
        (3, DayRange(march(17), LAST)),
        (2, DayRange(march(10), march(16))),
    ]


def test_new_days_are_scored_although_an_older_champion_was_removed() -> None:
    assert scoring(history(1, 2), {2: 17}, 17, 18) == [2, 2]
    with pytest.raises(KeyError):
        scoring(history(1, 2), {2: 17}, 16)


@pytest.mark.parametrize(
    ("day", "window"), [(1, None), (2, "train"), (6, "train"), (7, "validate"), (9, "test"), (10, None)]
)
def test_a_version_knows_which_of_its_own_windows_a_day_lies_in(day: int, window: str | None) -> None:
    windows = {"train": "2026-03-02..2026-03-06", "validate": "2026-03-07", "test": "2026-03-08..2026-03-09"}
    version = trained({1: 10})(history(1)[0]).model_copy(update={"pins": {"windows": windows}})
    assert version.window_of(march(day)) == window


def test_a_version_that_does_not_say_when_it_was_trained_scores_from_the_day_after_it_was_registered() -> None:
    version = trained({1: 10})(history(1)[0]).model_copy(update={"pins": {}})
    assert version.trained_on == dt.date(2026, 6, 2)
