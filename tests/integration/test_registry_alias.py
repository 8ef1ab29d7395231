"""MLflow's registry follows the promotions, and an outage of MLflow does not stop a promotion."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from headrace.registry.alias import follow
from headrace.registry.promotions import champion, promote, rollback
from headrace.registry.verdicts import record_verdict
from headrace.registry.versions import Version, register

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "sales.late"


def crowned(root: Path, training_id: str) -> Version:
    folder = root.parent / training_id
    folder.mkdir()
    (folder / "model.keras").write_text(training_id)
    one = register(root, MODEL, folder, {"training_id": training_id})
    record_verdict(one, {}, passed=True, sentence="It beats all", champion=champion(root, MODEL))
    promote(root, MODEL, one.number, reason="test")
    return one


def aliased(client: MlflowClient) -> tuple[str, str]:
    """The digest and the files of the version that the alias points at."""
    found = client.get_model_version_by_alias(MODEL, "champion")
    return found.tags["digest"], found.source


@pytest.mark.slow
def test_the_alias_goes_where_promotions_and_roll_backs_go(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    root, uri = tmp_path / "models", f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert follow(root, MODEL, uri)
    first = crowned(root, "a")
    assert follow(root, MODEL, uri)
    assert follow(root, MODEL, uri)
    client = MlflowClient(uri, registry_uri=uri)
    assert aliased(client) == (first.digest, first.path.as_uri())
    assert [v.tags["training_id"] for v in client.search_model_versions(f"name = '{MODEL}'")] == ["a"]

    second = crowned(root, "b")
    follow(root, MODEL, uri)
    assert aliased(client) == (second.digest, second.path.as_uri())
    rollback(root, MODEL, reason="test")
    follow(root, MODEL, uri)
    assert aliased(client) == (first.digest, first.path.as_uri())
    assert {v.tags["training_id"] for v in client.search_model_versions(f"name = '{MODEL}'")} == {"a", "b"}


@pytest.mark.slow
@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "sqlite:////dev/null/mlflow.db"])
def test_an_outage_of_mlflow_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture, uri: str) -> None:
    one = crowned(tmp_path / "models", "a")
    with caplog.at_level(logging.WARNING, "headrace"):
        assert not follow(tmp_path / "models", MODEL, uri)
    assert "MLflow's alias of sales.late version 1 is lost" in caplog.text
    assert champion(tmp_path / "models", MODEL) == one
