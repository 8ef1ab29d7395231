"""`headrace`: help with examples, the exact command, and a reason in one line when something is wrong."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from headrace import declare
from headrace.cli import app
from headrace.commands import Build, Job
from headrace.config import BACKENDS, Config, ConfigSource
from headrace.days import DayRange
from headrace.errors import PERMANENT, RETRYABLE, HeadraceError
from headrace.ledger.record import recorded, runs
from headrace.outcome import Outcome
from headrace.registry.versions import register
from headrace.stages.context import StageContext
from headrace.yamlfile import read_mapping
from typer.testing import CliRunner, Result

from tests.support import ids_only

ROOT = Path(__file__).parents[2]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
JOBS = {
    "land": ["--days", "2013-12-01..2013-12-07", "--feed", "weather", "--feed", "planes"],
    "build": ["flights.legs", "--days", "2013-12-01", "--catch-up"],
    "verify": ["flights.legs", "--days", "2013-12-01..2013-12-07", "--alone", "2"],
    "train": ["flights.late15", "--on", "2013-12-01", "--no-promote"],
    "score": ["flights.late15", "--days", "2013-12-01", "--version", "2"],
    "maintain": ["flights.legs", "flights.features"],
}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("HEADRACE_ENV", "HEADRACE_CONF"):
        monkeypatch.delenv(name, raising=False)


def headrace(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example_that_it_takes(name: str) -> None:
    shown = headrace(name, "--help")
    example = re.search(r"Example: `(headrace [^`]+)`", COMMANDS[name].help)
    assert example is not None
    program, command, *arguments = shlex.split(example[1])
    assert (program, command) == ("headrace", name)
    COMMANDS[name].make_context(name, arguments)  # fails on an argument that it does not take
    assert shown.exit_code == 0
    assert f"Example: headrace {name}" in " ".join(re.sub(r"[│|]", " ", shown.stdout).split())


@pytest.mark.parametrize("name", JOBS)
def test_print_submit_prints_the_command_and_starts_nothing(
    name: str, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    shown = headrace(name, *JOBS[name], "--root", config.root, "--print-submit")
    assert shown.exit_code == 0
    assert shown.stdout.count("\n") == 1
    line = shlex.split(shown.stdout)
    spark_submit = line.index(str(Path(sys.executable).with_name("spark-submit")))
    assert line[:3] == ["cd", str(Path.cwd()), "&&"]  # so that it can be pasted into a shell in any folder
    assert all(re.fullmatch(r"[A-Z_]+=\S+", variable) for variable in line[3:spark_submit])
    assert line[line.index(f"jobs/{name}.py") :] == [f"jobs/{name}.py", *JOBS[name], "--root", str(config.root)]
    assert line[line.index("--master") + 1] == "local[2]"
    assert "hush" not in shown.stdout
    assert not config.root.exists()


def test_a_job_on_a_cluster_keeps_everything_where_root_says() -> None:
    shown = headrace("land", *JOBS["land"], "--env", "staging", "--root", "s3://scratch", "--print-submit")
    assert shown.exit_code == 0
    manifest = yaml.safe_load(shown.stdout)
    assert manifest["spec"]["arguments"] == [*JOBS["land"], "--root", "s3://scratch"]
    assert manifest["spec"]["sparkConf"]["spark.eventLog.dir"] == "s3a://scratch/spark-events"


def test_a_job_on_a_cluster_is_given_what_a_folder_of_this_machine_says(tmp_path: Path) -> None:
    copied = shutil.copytree("conf", tmp_path / "conf")
    (copied / "staging.yaml").write_text((copied / "staging.yaml").read_text() + "\nbuild:\n  chunk_mb: 77\n")
    shown = headrace("land", *JOBS["land"], "--env", "staging", "--conf", str(copied), "--print-submit")
    application = yaml.safe_load(shown.stdout)
    assert application["spec"]["arguments"] == JOBS["land"]
    [container] = application["spec"]["driver"]["template"]["spec"]["containers"]
    [given] = [json.loads(each["value"]) for each in container["env"] if each["name"] == "HEADRACE_CONFIG"]
    assert given["build"]["chunk_mb"] == 77
    assert "alerts" not in given


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["build", "flights.leg", "--days", "2013-12-01"],
            "no table is called 'flights.leg'. Did you mean 'flights.legs'?",
        ),
        (["train", "late15", "--on", "2013-12-01"], "no model is called 'late15'. Did you mean 'flights.late15'?"),
        (
            ["score", "flights.late", "--days", "2013-12-01"],
            "no model is called 'flights.late'. Did you mean 'flights.late15'?",
        ),
        (["land", "--days", "2013-12-01", "--feed", "wether"], "no feed is called 'wether'. Did you mean 'weather'?"),
        (["promote", "flights.late51", "1"], "no model is called 'flights.late51'. Did you mean 'flights.late15'?"),
        (["rollback", "flights.late51"], "no model is called 'flights.late51'. Did you mean 'flights.late15'?"),
        (["report", "flights.late51"], "no model is called 'flights.late51'. Did you mean 'flights.late15'?"),
        (["report", "flights.late15", "--version", "7"], "flights.late15 has no version 7. Known: 1"),
        (["promote", "flights.late15", "7"], "flights.late15 has no version 7. Known: 1"),
        (
            ["report", "flights.late15"],
            "flights.late15 has no champion. Choose a version of flights.late15 with --version",
        ),
        (["show", "flights.lges"], "no table 'flights.lges' is published in {root}/lake. Did you mean 'flights.legs'?"),
        (
            ["show", "flights.legs"],
            "no table 'flights.legs' is published in {root}/lake. Run `headrace build flights.legs --days ...`",
        ),
        (["tables", "--env", "lokal"], "no environment is called 'lokal' in conf. Did you mean 'local'?"),
        (
            ["build", "flights.legs", "--days", "december"],
            "'december' is not a range of days. Write 2026-01-31, or 2026-01-01..2026-01-07",
        ),
    ],
)
def test_a_wrong_word_ends_with_65_and_a_line_that_has_the_right_one(
    arguments: list[str], said: str, config: Config, tmp_path: Path
) -> None:
    trained = tmp_path / "trained"
    trained.mkdir()
    (trained / "model.keras").write_text("weights")
    register(config.layout.models, "flights.late15", trained, {"training_id": "a"})
    ended = headrace(*arguments, "--root", config.root)
    assert ended.exit_code == 65
    assert ended.stdout == ""
    assert re.sub(r"^\w+Error: ", "", ended.stderr) == said.format(root=config.root) + "\n"


def test_check_says_what_is_right_and_names_an_unknown_package() -> None:
    assert headrace("check", "flights").stdout == "flights: 5 feeds, 3 tables, 1 models: no problems found\n"
    ended = headrace("check", "fligths")
    assert ended.exit_code == 65
    assert ended.stderr.startswith("DeclarationError: no package is called 'fligths'. ")


def test_check_without_a_name_checks_the_use_case_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "base.yaml").write_text("use_case: bakery\n")
    (tmp_path / "conf" / "local.yaml").write_text("environment: local\nroot: r\ninbox: i\n")
    (tmp_path / "bakery").mkdir()
    (tmp_path / "bakery" / "__init__.py").write_text(
        'from headrace.declare import Feed\n\novens = Feed("ovens", "ovens/*.csv", columns="ovens.yaml")\n'
    )
    (tmp_path / "bakery" / "ovens.yaml").write_text("columns: {oven: string not null}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HEADRACE_CONF", str(tmp_path / "conf"))
    assert headrace("check").stdout == "bakery: 1 feeds, 0 tables, 0 models: no problems found\n"


@pytest.mark.parametrize("name", JOBS)
def test_a_command_loads_the_configuration_once(name: str, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def read_and_count(path: Path, error: type[HeadraceError]) -> dict[str, Any]:
        read.append(path)
        return read_mapping(path, error)

    module = import_module("headrace.config.load")  # the package's attribute of this name is the function
    monkeypatch.setattr(module, "read_mapping", read_and_count)
    assert headrace(name, *JOBS[name], "--root", config.root, "--print-submit").exit_code == 0
    assert read == [Path("conf/base.yaml"), Path("conf/local.yaml")]


def test_the_program_itself_ends_with_the_error_s_code_and_one_line() -> None:
    program = Path(sys.executable).with_name("headrace")
    ended = subprocess.run([program, "tables", "--env", "lokal"], capture_output=True, text=True, check=False)
    assert ended.returncode == 65
    assert ended.stderr == "ConfigError: no environment is called 'lokal' in conf. Did you mean 'local'?\n"


def test_outside_the_project_a_command_says_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = headrace("tables")
    assert ended.exit_code == 65
    assert "conf/base.yaml does not exist. Run this in the project's root folder" in ended.stderr


def test_tables_of_an_empty_lake_are_all_listed(config: Config) -> None:
    shown = headrace("tables", "--root", config.root)
    assert shown.exit_code == 0
    listed = [line.split()[0] for line in shown.stdout.splitlines()]
    assert listed == ["table", "flights.legs", "flights.outcomes", "flights.features", "flights.late15_scores"]


def test_doctor_names_the_command_that_brings_missing_jars(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_JARS", str(tmp_path))
    shown = headrace("doctor", "--root", config.root)
    (jars,) = [line for line in shown.stdout.splitlines() if line.split()[1] == "jars"]
    assert shown.exit_code == 65
    assert jars.split(maxsplit=2)[0] == "wrong"
    assert jars.endswith(f"no Delta jars in {tmp_path}. Run `make setup`, or set HEADRACE_JARS to their folder")


def test_doctor_goes_on_if_the_configuration_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("")
    (tmp_path / "local.yaml").write_text("environment: local\nroot: r\ninbox: i\nspark: {mastr: x}\n")
    shown = headrace("doctor", "--conf", tmp_path)
    lines = {line[6:22].strip(): line for line in shown.stdout.splitlines()}
    assert shown.exit_code == 65
    assert lines["configuration"].endswith("local.yaml:4: unknown key 'spark.mastr'. Did you mean 'master'?")
    assert lines["registry"].startswith("wrong")
    assert lines["Python packages"].startswith("ok")


def test_freshness_is_about_the_days_of_a_table_and_not_about_runs(config: Config) -> None:
    def shown(*arguments: str) -> Result:
        return headrace("freshness", "flights.legs", "--root", config.root, *arguments)

    with recorded(config.layout.ledger, Build("flights.legs", "2013-12-01")):
        pass
    never = shown("--days", "2013-12-01")
    assert never.exit_code == PERMANENT
    assert "NothingRanError: flights.legs has nothing of 2013-12-01; it has none at all. Check that" in never.stderr
    context = StageContext(config, declare.load("flights"))
    days = DayRange.parse("2013-12-01..2013-12-02")
    ids = {day: str(day) for day in days}
    ids_only.publish(context, context.use_case.table("flights.legs"), days, ids, "code", told=False)
    done = shown("--days", str(days))
    assert (done.exit_code, "flights.legs has 2013-12-01..2013-12-02" in done.stdout) == (0, True)
    late = shown("--days", "2013-12-02..2013-12-04")
    assert late.exit_code == PERMANENT
    assert "flights.legs has nothing of 2013-12-03..2013-12-04; its newest day is 2013-12-02" in late.stderr
    assert shown("--days", "2013-12-04", "--within-days", "2").exit_code == 0
    too_late = shown("--days", "2013-12-05", "--within-days", "2")
    assert "has nothing of 2013-12-05 or of the 2 days before; its newest day is 2013-12-02" in too_late.stderr
    assert len(runs(config.layout.ledger)) == 1  # a stage that only reads leaves no row


def test_freshness_of_a_model_is_about_the_day_of_its_training(config: Config, trained: Path) -> None:
    pins = {"training_id": "a", "trained_on": "2013-11-25"}
    register(config.layout.models, "flights.late15", trained, pins)
    for day, code in (("2013-12-02", 0), ("2013-12-05", PERMANENT), ("2013-11-24", 0)):
        shown = headrace(
            "freshness", "flights.late15", "--days", day, "--within-days", 9, "--root", config.root
        )  # fmt: skip
        assert shown.exit_code == code, day


def test_freshness_knows_a_table_of_scores_and_offers_the_nearest_name(config: Config) -> None:
    arguments = ("--days", "2013-12-01", "--root", config.root)
    assert "has nothing of 2013-12-01" in headrace("freshness", "flights.late15_scores", *arguments).stderr
    wrong = headrace("freshness", "flights.late15_score", *arguments)
    assert "no table or model is called 'flights.late15_score'" in wrong.stderr
    assert "flights.late15_scores" in wrong.stderr


def test_the_help_and_the_docs_name_the_exit_code_of_freshness() -> None:
    shown = " ".join(headrace("freshness", "--help").stdout.split())
    assert f"exit with {PERMANENT}" in shown
    assert str(RETRYABLE) not in shown
    said = [line for file in (ROOT / "docs").glob("*.md") for line in file.read_text().splitlines()
            if "freshness" in line or "NothingRanError" in line]  # fmt: skip
    assert said
    assert [line for line in said if re.search(rf"\b{RETRYABLE}\b", line)] == []


class Refusing:
    """A backend whose jobs never start."""

    def __init__(self, *_: object) -> None: ...

    def with_source(self, job: Job, _source: ConfigSource) -> Job:
        return job

    def run(self, _job: Job, _log: object = None) -> Outcome:
        return Outcome(75, "it did not start within 600 s: the image is missing")


@pytest.mark.parametrize("arguments", [["demo"], ["land", "--days", "2013-12-01"]])
def test_a_job_that_printed_nothing_still_ends_with_its_reason(
    arguments: list[str], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BACKENDS, "local", f"{__name__}:Refusing")
    monkeypatch.setattr("flights.source.deliver", lambda _inbox: None)
    ended = headrace(*arguments, "--root", config.root)
    assert (ended.exit_code, ended.stderr) == (75, "it did not start within 600 s: the image is missing\n")
