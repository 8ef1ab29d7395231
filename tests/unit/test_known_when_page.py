"""The page "What was known when": its commands do what it says, on the tiny use case that it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from headrace.commands import Build, Land, Withdraw
from headrace.commands.base import registered
from headrace.landing.landings import Landings
from headrace.landing.log import Log
from headrace.stages.land import land_feeds, withdraw_landings

from tests.support import PROJECT, known_lake
from tests.support.rush_lake import day

PAGE = (PROJECT / "docs" / "known-when.md").read_text()
COMMANDS = re.findall(r"^```bash\nheadrace (.+)\n```$", PAGE, re.MULTILINE)
DAY = day(31)


def command(line: str) -> Land | Build | Withdraw:
    stage, *arguments = shlex.split(line)
    return registered()[stage].from_argv(arguments)  # type: ignore[return-value]


def test_the_commands_of_the_page_land_restate_and_withdraw_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = known_lake.at(tmp_path / "root", tmp_path / "inbox")
    landing, build, restating, withdrawing = map(command, COMMANDS)
    assert isinstance(landing, Land)
    assert isinstance(build, Build)
    assert isinstance(restating, Land)
    assert isinstance(withdrawing, Withdraw)
    assert build.publishes(lake.use_case)[-1] == "rush.features"
    for more in (0, 7):
        known_lake.deliver(lake, 31, more=more)
        land_feeds(lake, landing)
    assert "2026-01-31  a correction, counts from" in capsys.readouterr().out
    assert len(Landings(lake.layout.raw).corrected("entries")[DAY]) == 2

    land_feeds(lake, restating)
    assert Landings(lake.layout.raw).corrected("entries") == {}
    restated = Log(lake.layout.raw, "entries").read().state.standing[DAY].restated
    assert restated is not None
    assert restated.reason == "counted twice"

    withdraw_landings(lake, withdrawing)
    assert len(Landings(lake.layout.raw).corrected("entries")[DAY]) == 2


def test_the_reasons_that_the_page_quotes_are_in_the_code() -> None:
    quotes = re.findall(r"^\| [^|`]*`([^`|]+)` \|", PAGE, re.MULTILINE) or re.findall(r"`(a correction[^`]*)`", PAGE)
    code = "".join(path.read_text() for path in (PROJECT / "lib" / "headrace").rglob("*.py"))
    assert [quote for quote in quotes if quote not in code] == []
