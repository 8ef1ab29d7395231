"""A third backend is one class and its name in the configuration."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

import pytest
from headrace.stages.context import StageContext

from tests.support import lakes
from tests.support.small_project import SmallProject, on_lake

# It runs a job's file in a plain Python process of this machine.
PLAIN = textwrap.dedent("""
    import os, subprocess, sys
    from headrace.config import home
    from headrace.outcome import Outcome

    class PlainPython:
        deferrable = False

        def __init__(self, config, connect=None):
            self.config = config

        def spark_settings(self):
            return {"spark.master": "local[1]", "spark.app.id": "plain"}

        def with_source(self, job, source):
            return job.with_arguments(source.to_argv())

        def command_to_type(self, job):
            return " ".join(["python", job.file, *job.arguments])

        submission = command_to_type

        def run(self, job, log=None):
            line = [sys.executable, job.file, *job.arguments]
            done = subprocess.run(line, cwd=home(), capture_output=True, text=True)
            for text in done.stdout.splitlines():
                (log or print)(f"plain: {text}")
            return Outcome(done.returncode, done.stderr.strip().rpartition("\\n")[2])

        def cancel(self):
            pass

        def clean_up(self, in_use):
            return ["left"] if not in_use(["task", "d", "t", "r", "-1"]) else []
""")


@pytest.fixture(scope="module")
def lake(landed: StageContext, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    return lakes.copy_of(landed, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def project(lake: StageContext) -> Iterator[SmallProject]:
    project = on_lake(lake, backend="plain_python:PlainPython")
    (project.folder / "plain_python.py").write_text(PLAIN)
    return project


def test_headrace_runs_a_stage_on_it_and_ends_with_the_job_s_reason(project: SmallProject) -> None:
    landed = project.run("land", "--days", "2013-01-02", "--feed", "schedule")
    assert landed.returncode == 0, landed.stderr
    assert "plain: " in landed.stdout
    assert "schedule             2013-01-02  0 of 1 days new" in landed.stdout
    early = project.run("land", "--days", "2012-01-02", "--feed", "schedule")
    assert early.returncode == 65
    assert early.stderr.startswith("MissingInputError: no feed has 2012-01-02")


def test_print_submit_prints_its_submission(project: SmallProject) -> None:
    printed = project.run("build", "flights.legs", "--days", "2013-01-02", "--print-submit").stdout
    assert printed == "python jobs/build.py flights.legs --days 2013-01-02\n"


def test_the_session_of_a_job_has_its_settings(project: SmallProject) -> None:
    program = (
        "import json\nfrom headrace import config\nfrom headrace.session import backend_of\n"
        "print(json.dumps(backend_of(config.load()).spark_settings()))"
    )
    assert json.loads(project.run(program=program).stdout)["spark.app.id"] == "plain"


def test_a_class_that_cannot_be_imported_is_named(project: SmallProject) -> None:
    local = project.folder / "conf" / "local.yaml"
    text = local.read_text()
    try:
        local.write_text(text.replace("plain_python:PlainPython", "plain_python:PlainPythn"))
        ended = project.run("land", "--days", "2013-01-02")
    finally:
        local.write_text(text)
    assert ended.returncode == 65
    assert "ConfigError: the backend 'plain_python:PlainPythn' cannot be imported" in ended.stderr
