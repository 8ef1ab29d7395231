"""The flights' transforms pass ``headrace verify``, as the page ``docs/verify-your-transform.md`` runs it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from headrace.commands import Verify
from headrace.config import ConfigSource
from headrace.days import DayRange
from headrace.stages.alone import compare_alone
from headrace.stages.context import StageContext
from headrace.stages.runner import run_stage
from headrace.stages.verify import VerifyResult

from tests.support import lakes

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).parents[2] / "docs" / "verify-your-transform.md").read_text()
COMMANDS = re.findall(r"^    headrace verify (.+)$", PAGE, re.MULTILINE)
NOT_CHANGED = {
    "flights.legs": {"schedule", "planes", "airports"},
    "flights.outcomes": {"actuals"},
    "flights.features": set(),
}
LAST = lakes.day("02-09")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_the_flights_repeat_themselves_and_are_alike_in_any_range_and_know_nothing_later(
    built: StageContext, arguments: str
) -> None:
    command = Verify.from_argv(shlex.split(arguments))
    result = run_stage(built, command)
    assert isinstance(result, VerifyResult)
    assert min(result.compared.values()) > 100
    assert result.changed > 100
    assert set(result.not_changed) == NOT_CHANGED[command.table]


def test_the_page_has_a_command_for_each_table() -> None:
    assert {line.split()[0] for line in COMMANDS} == set(NOT_CHANGED)


@pytest.mark.parametrize("table", NOT_CHANGED)
def test_the_last_day_alone_has_the_rows_that_were_published_with_the_whole_range(
    built: StageContext, table: str
) -> None:
    """All features of 28 days once differed on this day, because the day 29 days before was not declared."""
    declared = built.use_case.table(table)
    published = built.table(declared).read(built.spark, DayRange(LAST, LAST))
    found = compare_alone(built, declared, published, LAST)
    assert found.difference is None
    assert found.rows > 100


def test_the_test_on_the_page_passes(built: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"^```python\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    monkeypatch.setattr(ConfigSource, "load", lambda _: built.config)
    page: dict[str, object] = {}
    exec(code, page)
    (test,) = [value for name, value in page.items() if name.startswith("test_")]
    test()  # type: ignore[operator]
