"""`headrace plan build`, and the question that `headrace build --catch-up` asks before much work."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from headrace.cli import app
from headrace.stages.context import StageContext
from headrace.stages.plan_builds import plan_builds
from typer.testing import CliRunner, Result

from tests.support import PROJECT, ids_only, lake_jobs, lakes, rush_lake, started
from tests.support.rush_lake import FEATURES, TABLES, days

CAUGHT_UP = [FEATURES, "--days", str(days(4)), "--catch-up"]


@pytest.fixture
def lake(tmp_path: Path) -> StageContext:
    """The days 1 to 4 of ``rush``, landed. A catch-up over more than three days asks."""
    context = rush_lake.delivered(tmp_path)
    lakes.land(context, rush_lake.OLD)
    lake_jobs.configure(
        context,
        use_case="tests.support.rush",
        root=str(context.config.root),
        backend=started.BACKEND,
        build={"confirm_days": 3},
    )
    return context


def arguments(context: StageContext, *command: str) -> list[str]:
    return [*command, "--conf", str(lakes.on_disk(context.config.root).parent / "conf")]


def headrace(context: StageContext, *command: str) -> Result:
    return CliRunner().invoke(app, arguments(context, *command), env={"COLUMNS": "80"})


def make_all_stale(context: StageContext) -> None:
    ids_only.build(context, rush_lake.OLD)
    rush_lake.deliver_stations(context, {"Abbey": 41, "Bridge": 70, "Castle": 110})
    lakes.land(lakes.again(context), days(1), "stations")


def test_the_plan_lists_the_days_of_each_table_and_the_reasons(lake: StageContext) -> None:
    make_all_stale(lake)
    shown = headrace(lake, "plan", "build", *CAUGHT_UP)
    assert shown.exit_code == 0
    lines = [line.rstrip() for line in shown.stdout.splitlines()]
    assert lines[:4] == [
        "table          days to build  chunks  rows to read  MB",
        "rush.visits    4              1       28            1",
        "rush.totals    4              1       4             1",
        "rush.features  4              1       4             1",
    ]
    assert lines[5:8] == [
        "rush.visits",
        "       days                    why",
        "build  2026-01-01..2026-01-04  other files count: stations",
    ]
    assert "build  2026-01-01..2026-01-04  will be built: rush.totals of" in lines
    assert max(map(len, lines)) <= 80


def test_the_plan_as_json_has_everything_that_the_stage_would_do(lake: StageContext) -> None:
    make_all_stale(lake)
    shown = json.loads(headrace(lake, "plan", "build", *CAUGHT_UP, "--json").stdout)
    assert shown["tables"] == [
        plan.model_dump(mode="json") for plan in plan_builds(lakes.again(lake), FEATURES, days(4), catch_up=True)
    ]
    assert [table["table"] for table in shown["tables"]] == list(TABLES)
    assert shown["tables"][2]["reasons"] == [
        {
            "kind": "table to build",
            "what": "rush.totals",
            "days": ["2026-01-01..2026-01-04"],
            "source_days": ["2026-01-01..2026-01-04"],
        }
    ]


def test_many_ranges_are_cut_short_for_a_person_and_not_for_a_program(lake: StageContext) -> None:
    from headrace.cli.show_plan import listed

    ranges = [f"2026-01-{day:02}" for day in range(1, 32, 2)]
    assert listed(ranges) == "2026-01-01, 2026-01-03, 2026-01-05, 2026-01-07 and 12 more ranges"
    assert listed(ranges[:5]) == "2026-01-01, 2026-01-03, 2026-01-05, 2026-01-07, 2026-01-09"


def test_a_plan_starts_no_spark_and_writes_no_file(lake: StageContext) -> None:
    root = lakes.on_disk(lake.config.root)
    before = sorted(root.rglob("*"))
    program = (
        "import sys, atexit; from headrace.cli import app; "
        "atexit.register(lambda: print('pyspark' in sys.modules, file=sys.stderr)); app()"
    )
    line = [sys.executable, "-c", program, *arguments(lake, "plan", "build", *CAUGHT_UP)]
    done = subprocess.run(line, env=_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "False\n")
    assert sorted(root.rglob("*")) == before


def test_a_large_catch_up_without_a_terminal_ends_with_65_and_names_the_count_and_yes(lake: StageContext) -> None:
    make_all_stale(lake)
    ended = headrace(lake, "build", *CAUGHT_UP)
    assert (ended.exit_code, ended.stdout) == (65, "")
    assert ended.stderr == (
        "NotConfirmedError: this would build 4 days of rush.visits, more than build.confirm_days (3). "
        "`headrace plan build rush.features --days 2026-01-04 --catch-up` shows them; to build them, add --yes\n"
    )


@pytest.mark.parametrize(
    "command",
    [
        [*CAUGHT_UP, "--yes"],
        [FEATURES, "--days", str(rush_lake.OLD)],
        [*CAUGHT_UP, "--accept-code", "--reason", "release 2"],
    ],
    ids=["confirmed", "no catch-up", "accepted code"],
)
def test_a_build_that_need_not_be_confirmed_is_started(lake: StageContext, command: list[str]) -> None:
    make_all_stale(lake)
    given = [one for one in command if one != "--yes"]
    assert headrace(lake, "build", *command).stdout == f"started {' '.join(given)}\n"


def test_a_small_catch_up_is_started_without_a_question(lake: StageContext) -> None:
    ids_only.build(lake, rush_lake.OLD)
    assert headrace(lake, "build", *CAUGHT_UP).stdout == f"started {' '.join(CAUGHT_UP)}\n"


@pytest.mark.parametrize(
    ("answer", "end", "last"), [("y", 0, f"started {' '.join(CAUGHT_UP)}"), ("n", 1, "Aborted.")], ids=["yes", "no"]
)
def test_a_person_at_a_terminal_sees_the_plan_and_answers(lake: StageContext, answer: str, end: int, last: str) -> None:
    make_all_stale(lake)
    code, said = _at_a_terminal(arguments(lake, "build", *CAUGHT_UP), answer)
    assert "other files count: stations" in said
    assert "more than build.confirm_days (3). Build them? [y/N]: " in said
    assert code == end
    assert last in said.splitlines()[-1]


def _at_a_terminal(command: list[str], answer: str) -> tuple[int, str]:
    """Run ``headrace`` at a terminal and answer its question; returns the exit code and what the terminal shows."""
    ours, theirs = pty.openpty()
    line = [sys.executable, "-c", "from headrace.cli import app; app()", *command]
    with subprocess.Popen(line, env=_environment(), stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True) as run:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        said = b""
        try:
            while part := os.read(ours, 4096):
                said += part
        except OSError:  # the terminal's other end is closed
            pass
    os.close(ours)
    return run.returncode, said.decode().replace("\r", "")


def _environment() -> dict[str, Any]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "lib"), str(PROJECT)]), "COLUMNS": "80"}
