"""conf/: a mistake in it is found when it is read, and named by file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from headrace import config as configuration
from headrace.errors import ConfigError
from headrace.storage import place
from pydantic import ValidationError

from tests.support import PROJECT

CONF = PROJECT / "conf"

BASE = """\
use_case: flights
training:
  ranks: 2
  seed: 1
"""
LOCAL = """\
environment: local
root: build/local
inbox: build/inbox

spark:
  master: local[2]
training:
  ranks: 4
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "local.yaml").write_text(LOCAL)
    return tmp_path


def refusal(conf: Path, environment: str = "local") -> str:
    with pytest.raises(ConfigError) as refused:
        configuration.load(environment, conf)
    return str(refused.value)


def test_an_environment_is_laid_over_what_all_share_key_by_key(conf: Path) -> None:
    config = configuration.load("local", conf)
    assert config.training.ranks == 4
    assert config.training.seed == 1
    assert config.spark.master == "local[2]"
    assert config.spark.driver_memory == "3g"


def test_another_root_moves_all_that_is_kept(conf: Path, tmp_path: Path) -> None:
    config = configuration.load("local", conf, root=tmp_path / "else")
    layout = config.layout
    kept = [layout.raw, layout.tables, layout.models, layout.trainings, layout.ledger, layout.data_docs, layout.reports]
    kept += [layout.training("a").shards, layout.alerts, layout.results("x"), layout.report("sales.late", 1)]
    assert [str(path.relative_to(tmp_path / "else")) for path in kept] == [
        "raw", "lake", "models", "work/training", "ledger", "data_docs", "reports",
        "work/training/a/shards", "alerts", "results/x.jsonl", "reports/sales.late/0001.html",
    ]  # fmt: skip
    assert config.tracking_uri == f"sqlite:///{tmp_path / 'else' / 'mlflow.db'}"
    assert config.inbox == Path("build/inbox")


def test_environment_and_folder_come_from_the_process_when_they_are_left_out(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (conf / "staging.yaml").write_text(LOCAL.replace("environment: local", "environment: staging"))
    monkeypatch.setenv("HEADRACE_CONF", str(conf))
    monkeypatch.setenv("HEADRACE_ENV", "staging")
    assert configuration.load().environment == "staging"
    assert configuration.load("local").environment == "local"


def test_a_misspelt_key_is_named_with_file_line_and_the_right_word(conf: Path) -> None:
    (conf / "local.yaml").write_text(LOCAL.replace("master:", "mastr:"))
    assert refusal(conf) == f"{conf / 'local.yaml'}:6: unknown key 'spark.mastr'. Did you mean 'master'?"


def test_a_misspelt_key_in_the_shared_file_is_looked_for_there(conf: Path) -> None:
    (conf / "base.yaml").write_text(BASE.replace("use_case:", "usecase:"))
    assert refusal(conf) == f"{conf / 'base.yaml'}:1: unknown key 'usecase'. Did you mean 'use_case'?"


def test_a_wrong_value_is_named_where_it_counts(conf: Path) -> None:
    (conf / "local.yaml").write_text(LOCAL.replace("ranks: 4", "ranks: 0"))
    said = refusal(conf)
    assert said == f"{conf / 'local.yaml'}:8: training.ranks: Input should be greater than or equal to 1 (got 0)"


def test_more_ranks_than_a_cluster_is_asked_for_are_refused_before_they_are_waited_for(conf: Path) -> None:
    size = "backend: kubernetes\nsizes:\n  train: {reason: a test, executors: 3}\n"
    (conf / "local.yaml").write_text(LOCAL + size)
    said = "training: 4 ranks are more than the executors of sizes.train (3) times their cores (1)"
    assert refusal(conf) == f"{conf / 'local.yaml'}:7: {said}"


def test_the_environments_variable_for_mlflow_goes_before_the_file(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (conf / "local.yaml").write_text(LOCAL + "mlflow_uri: http://mlflow.jobs.svc:5000\n")
    assert configuration.load("local", conf).tracking_uri == "http://mlflow.jobs.svc:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert configuration.load("local", conf).tracking_uri == "http://127.0.0.1:5000"


def test_a_key_that_is_missing_is_named_without_the_rest_of_the_file(conf: Path) -> None:
    (conf / "local.yaml").write_text(LOCAL.replace("root: build/local\n", ""))
    assert refusal(conf) == f"{conf / 'local.yaml'}: root: Field required"


def test_a_key_given_twice_is_refused_rather_than_the_first_forgotten(conf: Path) -> None:
    (conf / "local.yaml").write_text(LOCAL + "root: build/other\n")
    assert refusal(conf) == f"{conf / 'local.yaml'}:9: not YAML: 'root' appears twice"


def test_what_is_not_yaml_is_named_with_its_line(conf: Path) -> None:
    (conf / "local.yaml").write_text(LOCAL.replace("  ranks: 4", "\tranks: 4"))
    assert refusal(conf).startswith(f"{conf / 'local.yaml'}:8: not YAML: ")


def test_a_list_is_no_configuration(conf: Path) -> None:
    (conf / "local.yaml").write_text("- environment: local\n")
    assert refusal(conf) == f"{conf / 'local.yaml'}:1: expected a mapping of keys to values"


@pytest.mark.parametrize("environment", ["lokal", "base"])
def test_an_unknown_environment_is_refused_with_the_known_one(conf: Path, environment: str) -> None:
    hint = "Did you mean 'local'?" if environment == "lokal" else "Known: local"
    assert refusal(conf, environment) == f"no environment is called {environment!r} in {conf}. {hint}"


def test_a_copied_file_may_not_say_that_it_is_another_environment(conf: Path) -> None:
    (conf / "staging.yaml").write_text(LOCAL.replace("environment: local", "environment: prod"))
    file = conf / "staging.yaml"
    assert refusal(conf, "staging") == f"{file}:1: environment is 'prod'. In this file it must be 'staging'"


def test_outside_the_project_the_error_says_where_to_go(tmp_path: Path) -> None:
    hint = "Run this in the project's root folder, or set HEADRACE_CONF"
    assert refusal(tmp_path / "conf") == f"{tmp_path / 'conf' / 'base.yaml'} does not exist. {hint}"


def test_a_configuration_cannot_be_changed_once_it_is_read(conf: Path) -> None:
    config = configuration.load("local", conf)
    with pytest.raises(ValidationError, match="frozen"):
        config.training.seed = 2  # type: ignore[misc]


def given(monkeypatch: pytest.MonkeyPatch, **changes: object) -> configuration.Config:
    """Give a job the configuration of staging with some changes, as another release may have written it."""
    content = json.loads(configuration.load("staging", CONF).model_dump_json(exclude={"alerts"})) | changes
    monkeypatch.setenv("HEADRACE_CONFIG", json.dumps(content))
    monkeypatch.setenv("HEADRACE_ENV", "staging")
    return configuration.load()


def test_a_job_takes_the_configuration_that_it_was_given_and_not_that_of_its_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = given(monkeypatch, mlflow_uri="http://elsewhere", what_a_newer_release_knows={"x": 1})
    assert found.mlflow_uri == "http://elsewhere"
    assert found.root == configuration.load("staging", CONF).root
    assert configuration.load(root="s3://other").root == place("s3://other")
    assert configuration.load("staging", CONF).mlflow_uri != "http://elsewhere"  # a folder that is named comes first


def test_a_job_refuses_the_configuration_of_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="was given the configuration of 'prod', and asks for 'staging'"):
        given(monkeypatch, environment="prod")
