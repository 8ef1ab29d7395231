"""`headrace`: help with examples, the exact command, and a reason in one line when something is wrong."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml
from headrace.cli import app
from headrace.config import Config
from headrace.errors import PERMANENT
from headrace.ledger.record import recorded
from headrace.registry.versions import register
from typer.testing import CliRunner, Result

ROOT = Path(__file__).parents[2]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
JOBS = {
    "land": ["--days", "2013-12-01..2013-12-07", "--feed", "weather", "--feed", "planes"],
    "build": ["flights.legs", "--days", "2013-12-01", "--catch-up"],
    "train": ["flights.late15", "--on", "2013-12-01", "--no-promote"],
    "score": ["flights.late15", "--days", "2013-12-01", "--version", "2"],
    "maintain": ["flights.legs", "flights.features"],
}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("HEADRACE_ENV", "HEADRACE_CONF"):
        monkeypatch.delenv(name, raising=False)


def headrace(*arguments: str | Path) -> Result:
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
    assert line[:3] == ["cd", str(Path.cwd()), "&&"]  # so that it can be pasted, wherever the shell stands
    assert all(re.fullmatch(r"[A-Z_]+=\S+", variable) for variable in line[3:spark_submit])
    assert line[line.index(f"jobs/{name}.py") :] == [f"jobs/{name}.py", *JOBS[name], "--root", str(config.root)]
    assert line[line.index("--master") + 1] == "local[2]"
    assert "hush" not in shown.stdout
    assert not config.root.exists()


def test_a_job_on_a_cluster_keeps_everything_where_root_says() -> None:
    shown = headrace("land", *JOBS["land"], "--env", "staging", "--root", "s3://scratch", "--print-submit")
    assert shown.exit_code == 0
    made = yaml.safe_load(shown.stdout)
    assert made["spec"]["arguments"] == [*JOBS["land"], "--root", "s3://scratch"]
    assert made["spec"]["sparkConf"]["spark.eventLog.dir"] == "s3a://scratch/spark-events"


def test_a_job_on_a_cluster_is_not_told_of_a_folder_here() -> None:
    ended = headrace("land", *JOBS["land"], "--env", "staging", "--conf", "conf", "--print-submit")
    assert ended.exit_code == 65
    assert ended.stderr == "ConfigError: a job on a cluster does not see conf. It reads conf/ of its image\n"


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
            "'december' is not a range of days. Write 2013-12-01, or 2013-12-01..2013-12-07",
        ),
    ],
)
def test_a_wrong_word_ends_with_65_and_the_right_one_in_a_line(
    arguments: list[str], said: str, config: Config, tmp_path: Path
) -> None:
    trained = tmp_path / "trained"
    trained.mkdir()
    (trained / "model.keras").write_text("weights")
    register(config.models, "flights.late15", trained, {"training_id": "a"})
    ended = headrace(*arguments, "--root", config.root)
    assert ended.exit_code == 65
    assert ended.stdout == ""
    assert re.sub(r"^\w+Error: ", "", ended.stderr) == said.format(root=config.root) + "\n"


def test_check_says_what_is_right_and_names_an_unknown_package() -> None:
    assert headrace("check", "flights").stdout == "flights: 5 feeds, 3 tables, 1 models is as it should be\n"
    ended = headrace("check", "fligths")
    assert ended.exit_code == 65
    assert ended.stderr.startswith("DeclarationError: no package is called 'fligths'. ")


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


def test_doctor_goes_on_where_the_configuration_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("")
    (tmp_path / "local.yaml").write_text("environment: local\nroot: r\ninbox: i\nspark: {mastr: x}\n")
    shown = headrace("doctor", "--conf", tmp_path)
    lines = {line[6:22].strip(): line for line in shown.stdout.splitlines()}
    assert shown.exit_code == 65
    assert lines["configuration"].endswith("local.yaml:4: unknown key 'spark.mastr'. Did you mean 'master'?")
    assert lines["registry"].startswith("wrong")
    assert lines["Python packages"].startswith("ok")


def test_alive_says_when_a_stage_was_last_done_and_that_nothing_was_since(config: Config) -> None:
    nothing = headrace("alive", "land", "--root", config.root)
    assert nothing.exit_code == PERMANENT
    assert "NothingRanError: no land was done ever" in nothing.stderr
    with recorded(config.ledger, "land", "schedule", "2013-12-01"):
        pass
    with pytest.raises(ValueError, match="broken"), recorded(config.ledger, "score", "flights.late15", "2013-12-01"):
        raise ValueError("broken")
    assert headrace("alive", "land", "--root", config.root).exit_code == 0
    assert headrace("alive", "land", "--root", config.root, "--within-hours", "0").exit_code == PERMANENT
    assert headrace("alive", "score", "--root", config.root).exit_code == PERMANENT  # it failed
