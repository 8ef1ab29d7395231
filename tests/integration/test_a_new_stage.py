"""A stage is added by one dataclass and one function: everything that starts a stage then knows it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from headrace.ledger.record import StageRun, runs
from headrace.stages.context import StageContext

from tests.support import PROJECT, lakes
from tests.support.small_project import SmallProject, on_lake

WITH_COUNT = "import counting; from headrace.cli import app; app()"  # as if `Count` stood in headrace.commands


@pytest.fixture(scope="module")
def lake(landed: StageContext, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    return lakes.copy_of(landed, tmp_path_factory.mktemp("counted"))


@pytest.fixture(scope="module")
def project(lake: StageContext) -> SmallProject:
    project = on_lake(lake)
    shutil.copytree(PROJECT / "tests" / "support" / "counting", project.folder / "counting")
    (project.folder / "counting" / "job.py").rename(project.folder / "jobs" / "count.py")
    return project


def newest(lake: StageContext) -> StageRun:
    return runs(lake.layout.ledger)[-1]


def rows_of(lake: StageContext, first: str, last: str) -> dict[str, int]:
    """How many rows the files of each day have, counted without the platform."""
    return {str(day): len(lakes.delivered_rows(lake, "schedule", day)) for day in lakes.days(first, last)}


def test_headrace_runs_the_stage_as_a_job_and_the_ledger_keeps_its_own_fields(
    lake: StageContext, project: SmallProject
) -> None:
    done = project.run("count", "schedule", "--days", "2013-01-02..2013-01-03", program=WITH_COUNT)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = rows_of(lake, "01-02", "01-03")
    assert f"schedule 2013-01-02..2013-01-03  {sum(expected.values())} rows" in done.stdout
    run = newest(lake)
    assert (run.stage, run.of, run.days, run.outcome) == ("count", "schedule", "2013-01-02..2013-01-03", "done")
    assert run.facts == {"rows": sum(expected.values()), "by_day": expected}


def test_its_help_its_hint_and_its_print_come_from_the_dataclass(project: SmallProject) -> None:
    shown = project.run("count", "--help", program=WITH_COUNT).stdout
    assert "Count the landed rows of a feed" in shown
    assert "--at-least" in shown
    wrong = project.run("count", "schedul", "--days", "2013-01-02", program=WITH_COUNT)
    assert (wrong.returncode, wrong.stderr) == (
        65, "UnknownNameError: no feed is called 'schedul'. Did you mean 'schedule'?\n",
    )  # fmt: skip


def test_spark_submit_runs_the_same_and_a_failure_keeps_what_was_found(
    lake: StageContext, project: SmallProject
) -> None:
    arguments = ("schedule", "--days", "2013-01-04", "--at-least", "100000")
    printed = project.run("count", *arguments, "--print-submit", program=WITH_COUNT).stdout
    assert shlex.split(printed)[-6:] == ["jobs/count.py", *arguments]
    results = Path(lake.config.root).parent / "results.jsonl"
    path = os.pathsep.join([str(project.folder), str(PROJECT / "lib")])
    settings = {"PYTHONPATH": path, "HEADRACE_RESULT": str(results), "HEADRACE_HOME": str(project.folder)}
    done = subprocess.run(printed, shell=True, env=os.environ | settings, capture_output=True, text=True, check=False)  # noqa: S602 - it is meant to be pasted into a shell
    (expected,) = rows_of(lake, "01-04", "01-04").values()
    reason = f"MissingInputError: schedule has {expected} rows on 2013-01-04, fewer than 100000. Land more"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (65, reason)
    run = newest(lake)
    assert (run.outcome, run.facts["rows"], run.facts["error"]) == ("failed", expected, reason)
    assert f'"rows":{expected}' in results.read_text()


def test_its_name_and_its_size_on_a_cluster_come_from_the_dataclass(project: SmallProject) -> None:
    staging = (project.folder / "conf" / "staging.yaml").read_text()
    sizes = "sizes:\n  count: {reason: it counts, executors: 7}\n"
    (project.folder / "conf" / "staging.yaml").write_text(staging.replace("sizes:\n", sizes))
    arguments = ("count", "schedule", "--days", "2013-01-02", "--env", "staging", "--print-submit")
    manifest = project.run(*arguments, program=WITH_COUNT).stdout
    assert "\n  name: count-" in manifest
    assert "instances: 7" in manifest
    assert "mainApplicationFile: local:///opt/headrace/jobs/count.py" in manifest
