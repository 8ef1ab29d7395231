"""Publish ids: which days of a table are stale follows from what they are made of, and from nothing else."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headrace import declare
from headrace.config import Config
from headrace.days import ONE, DayRange
from headrace.declare import Check, Feed, Table, resolve
from headrace.declare.origin import Origin
from headrace.errors import MissingLookBackError
from headrace.lake.staleness import Expected, Ids, expected, first_day, look_back_error, stale
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext

SINCE = dt.date(2013, 1, 1)
FLIGHTS = Feed("flights", "flights/{day}/*.csv", "flights.yaml", since=SINCE)
PLANES = Feed("planes", "planes/*.csv", "planes.yaml")
LEGS = Table("t.legs", [FLIGHTS, PLANES], "make:legs", "legs.yaml", "day", ["id"])
HISTORY = Table("t.history", [LEGS.days(-28, 0)], "make:history", "history.yaml", "day", ["id"])
JUNE = DayRange.parse("2013-06-01..2013-06-30")


def ids(days: str, **changed: str) -> dict[dt.date | None, str]:
    """A publish id for each day; ``_0610="new"`` changes the id of 10 June."""
    return {day: changed.get(f"_{day:%m%d}", f"id of {day}") for day in DayRange.parse(days)}


def legs_expected(flights: Ids, planes: Ids, code: str = "code", days: DayRange = JUNE) -> Expected:
    return expected(LEGS, code, {"flights": flights, "planes": planes}.__getitem__, days)


def legs_from(flights: Ids, planes: Ids, code: str = "code", days: DayRange = JUNE) -> Mapping[dt.date, str]:
    return legs_expected(flights, planes, code, days).ids


def history_expected(legs: Ids, days: DayRange = JUNE) -> Expected:
    return expected(HISTORY, "code", {"t.legs": legs}.__getitem__, days)


def history_from(legs: Ids, days: DayRange = JUNE) -> Mapping[dt.date, str]:
    return history_expected(legs, days).ids


def test_the_same_inputs_and_code_have_the_same_ids() -> None:
    first = legs_from(ids("2013-06-01..2013-06-30"), {None: "planes"})
    second = legs_from(ids("2013-05-01..2013-07-31"), {None: "planes"})
    assert first == second
    assert len(set(first.values())) == 30
    assert stale(second, first) == []


def test_a_corrected_day_makes_that_day_stale() -> None:
    published = legs_from(ids(str(JUNE)), {None: "planes"})
    wanted = legs_from(ids(str(JUNE), _0610="corrected"), {None: "planes"})
    assert stale(wanted, published) == [DayRange.parse("2013-06-10")]


def test_a_corrected_day_makes_just_the_days_stale_that_look_back_on_it() -> None:
    days = DayRange.parse("2013-03-01..2013-07-31")
    published = history_from(ids("2013-01-01..2013-07-31"), days)
    wanted = history_from(ids("2013-01-01..2013-07-31", _0610="corrected"), days)
    assert stale(wanted, published) == [DayRange.parse("2013-06-10..2013-07-08")]


@pytest.mark.parametrize(("planes", "code"), [("other planes", "code"), ("planes", "other code")])
def test_a_new_reference_set_or_new_code_makes_all_days_stale(planes: str, code: str) -> None:
    published = legs_from(ids(str(JUNE)), {None: "planes"})
    assert stale(legs_from(ids(str(JUNE)), {None: planes}, code), published) == [JUNE]


def test_days_that_are_not_published_are_stale() -> None:
    wanted = legs_from(ids(str(JUNE)), {None: "planes"})
    published = {day: publish_id for day, publish_id in wanted.items() if day.day not in (3, 4, 30)}
    assert stale(wanted, published) == [DayRange.parse("2013-06-03..2013-06-04"), DayRange.parse("2013-06-30")]


def test_days_whose_look_back_has_holes_wait_and_the_others_do_not() -> None:
    legs = ids("2013-05-01..2013-06-30")
    holes = [dt.date.fromisoformat(hole) for hole in ("2013-05-10", "2013-05-11", "2013-06-02")]
    for hole in holes:
        del legs[hole]
    found = history_expected(legs, DayRange.parse("2013-05-29..2013-06-10"))
    assert found.waiting == {
        day: {"t.legs": [hole for hole in holes if day - 28 * ONE <= hole <= day]}
        for day in DayRange.parse("2013-06-02..2013-06-10")
    } | {day: {"t.legs": holes[:2]} for day in DayRange.parse("2013-05-29..2013-06-01")}
    legs |= dict.fromkeys(holes[:2], "landed")
    found = history_expected(legs, DayRange.parse("2013-05-29..2013-06-10"))
    assert list(found.ids) == list(DayRange.parse("2013-05-29..2013-06-01"))


def test_the_error_for_waiting_days_lists_the_holes_and_may_be_tried_again() -> None:
    legs = ids("2013-05-01..2013-06-30")
    for hole in ("2013-05-10", "2013-05-11", "2013-06-02"):
        del legs[dt.date.fromisoformat(hole)]
    error = look_back_error(HISTORY, history_expected(legs, DayRange.parse("2013-06-01..2013-06-03")).waiting)
    assert error.exit_code == 75
    assert str(error) == (
        "t.history looks back on days that are missing: t.legs on 2013-05-10..2013-05-11, 2013-06-02. "
        "First run `headrace build t.legs --days 2013-05-10..2013-06-02`"
    )


def test_a_day_that_has_not_been_landed_is_named_with_the_command_that_lands_it() -> None:
    found = legs_expected(ids("2013-06-01..2013-06-29"), {None: "planes"})
    assert list(found.ids) == list(DayRange.parse("2013-06-01..2013-06-29"))
    hint = "First run `headrace land --feed flights --days 2013-06-30`"
    error = look_back_error(LEGS, found.waiting)
    assert str(error) == f"t.legs looks back on days that are missing: flights on 2013-06-30. {hint}"


def test_a_reference_feed_that_has_not_been_landed_is_named() -> None:
    with pytest.raises(MissingLookBackError) as refused:
        legs_from(ids(str(JUNE)), {})
    hint = "First run `headrace land --feed planes --days 2013-06-01`"
    assert str(refused.value) == f"t.legs reads planes, which has not been landed. {hint}"


def test_days_before_the_feeds_began_are_no_holes_and_are_not_made() -> None:
    expected_ids = history_from(ids("2013-01-01..2013-01-03"), DayRange.parse("2012-12-30..2013-01-03"))
    assert list(expected_ids) == list(DayRange.parse("2013-01-01..2013-01-03"))
    assert first_day(HISTORY) == SINCE


def test_finding_code_imports_none_of_it(digest: Callable[..., str]) -> None:
    digest(make__legs="from mill.make.zones import zone\n", make__zones="raise RuntimeError\n")
    assert "mill.make" not in sys.modules


def test_a_table_begins_with_the_latest_of_its_feeds() -> None:
    late = Feed("late", "late/{day}/*", "late.yaml", since=dt.date(2013, 3, 1))
    assert first_day(Table("t.both", [FLIGHTS, late, PLANES], "m:f", "c.yaml", "day", ["id"])) == late.since


@pytest.mark.parametrize(
    "changed",
    [
        {"by": "transforms.features:with_schedule"},  # another function of the same module
        {"columns": "contracts/legs.yaml"},
        {"key": ["flight_date", "carrier", "flight"]},
        {"checks": [Check("known_at < sched_dep_utc", on_fail="quarantine")]},
        {"reads": [], "one_row_per": None},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_a_declaration_says_of_a_table_s_rows_counts(changed: dict[str, Any], config: Config) -> None:
    assert _digest_with(config, **changed) != _digest_with(config)


def test_the_line_of_a_declaration_does_not_count(config: Config) -> None:
    assert _digest_with(config, origin=Origin("elsewhere.py", 1)) == _digest_with(config)


def _digest_with(config: Config, **changes: Any) -> str:
    """The digest of the features' code, with another declaration."""
    context = StageContext(config, declare.load("flights"))
    return code_digest(context, replace(context.use_case.table("flights.features"), **changes))


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Writes modules of a use case and returns the digest of ``make.legs``."""
    files = {
        "__init__.py": "KEY = 1\n",
        "make/__init__.py": "",
        "make/legs.py": "from . import clock\nfrom mill.make.zones import zone\nimport os\n\ndef legs(): ...\n",
        "make/clock.py": "import mill.units\n",
        "make/zones.py": "from mill.make import legs  # a circle\n",
        "make/other.py": "from mill.make.legs import legs\n",
        "units.py": "",
    }

    def written(**changed: str) -> str:
        for name, text in {**files, **{k.replace("__", "/") + ".py": v for k, v in changed.items()}}.items():
            file = tmp_path / "mill" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()
        return resolve.digest("mill", "make.legs:legs")

    monkeypatch.syspath_prepend(tmp_path)
    yield written
    for module in [m for m in sys.modules if m.partition(".")[0] == "mill"]:
        del sys.modules[module]


@pytest.mark.parametrize("module", ["make__legs", "make__clock", "make__zones", "units"])
def test_code_that_a_transform_imports_counts_however_it_is_imported(digest: Callable[..., str], module: str) -> None:
    before = digest()
    assert digest() == before
    assert digest(**{module: "# changed\nfrom . import clock\nimport mill.make.zones\nimport mill.units\n"}) != before


@pytest.mark.parametrize("module", ["make__other", "make__unknown"])
def test_code_that_a_transform_does_not_import_does_not_count(digest: Callable[..., str], module: str) -> None:
    assert digest(**{module: "changed = True\n"}) == digest()


def test_the_declaration_counts_only_where_a_transform_imports_it(digest: Callable[..., str], tmp_path: Path) -> None:
    before = digest()
    (tmp_path / "mill" / "__init__.py").write_text("KEY = 2\n")
    assert resolve.digest("mill", "make.legs:legs") == before
    with_key = digest(units="from mill import KEY\n")
    (tmp_path / "mill" / "__init__.py").write_text("KEY = 2\n")
    assert resolve.digest("mill", "make.legs:legs") != with_key
