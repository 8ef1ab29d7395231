"""The DAGs of the flights with their jobs on a real cluster and their files in S3: the same rows as on a laptop."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support import cluster_lake
from tests.support.airflow_api import Airflow, Json
from tests.support.cluster_lake import NEXT, assert_same_features, assert_same_scores
from tests.support.ground import Ground

pytestmark = [pytest.mark.k8s, pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def scored(trained: Airflow, ground: Ground) -> list[Json]:
    """The results of a day that went from landing to scores on the cluster."""
    run = trained.trigger("flights_daily", day=NEXT)
    tasks = trained.run("flights_daily", run, within=900)
    assert tasks["day"]["state"] == "success", trained.log("flights_daily", run, "day")[-20:]
    assert ground.left() == []
    return list(trained.result("flights_daily", run, "day"))


@pytest.fixture(scope="module")
def laptop(trained: Airflow, ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root folder of the local environment, with the same day, scored by the same champion."""
    root = tmp_path_factory.mktemp("laptop") / "root"
    cluster_lake.laptop(ground, root, NEXT)
    return root


def test_a_day_goes_from_landing_to_scores(scored: list[Json]) -> None:
    landed, built, result = scored
    assert (landed["stage"], built["stage"], result["stage"]) == ("land", "build", "score")
    assert built["tables"]["flights.features"]["rows"] == result["rows"] > 100
    assert list(built["tables"]["flights.features"]["ids"]) == [NEXT]


def test_the_features_are_those_of_a_laptop(scored: list[Json], laptop: Path, ground: Ground) -> None:
    assert_same_features(ground, laptop, NEXT)


def test_the_scores_are_those_of_a_laptop_with_the_same_champion(
    scored: list[Json], laptop: Path, ground: Ground
) -> None:
    assert_same_scores(ground, laptop, NEXT)


def test_every_stage_left_a_row_of_what_it_used_in_the_ledger(scored: list[Json], ground: Ground) -> None:
    found = [json.loads(path.read_text()) for path in sorted(ground.config().layout.ledger.glob("*.json"))]
    [build] = [row for row in found if row["stage"] == "build" and row["days"] == NEXT]
    assert build["image"] == ground.image
    assert build["size"]["driver"]["memory"] == "1500m"
    assert build["bytes_in"] > 0
    assert build["containers"]["driver"]["jvm_bytes"] > 2**28
    executors = [used for name, used in build["containers"].items() if name != "driver"]
    assert any(used["jvm_bytes"] > 2**27 for used in executors)
    assert build["cpu_seconds"] > 0


def test_no_secret_is_in_a_manifest_a_pod_a_log_or_a_rendered_template(
    scored: list[Json], trained: Airflow, ground: Ground
) -> None:
    shared = ground.kubectl("-n", "headrace-jobs", "get", "secret", "headrace-spark", "-o", "json")
    secrets = [ground.s3.key, ground.s3.secret, *json.loads(shared)["data"].values()]
    kinds = "sparkapplications,pods,services,configmaps,events,networkpolicies,deployments"
    said = {"objects": ground.kubectl("get", kinds, "-A", "-o", "yaml")}
    said |= {f"log {path}": path.read_text(errors="replace") for path in trained.home.rglob("*.log")}
    said |= {str(path): path.read_text() for path in ground.config().layout.ledger.glob("*.json")}
    for dag in ("flights_daily", "flights_rebuild", "flights_train"):
        said[dag] = json.dumps(trained.get(f"/dags/{dag}/dagRuns/~/taskInstances")["task_instances"])
    for path in (ground.config().root / "spark-events").rglob("*"):
        if path.is_file():
            said[f"event log {path}"] = path.read_bytes().decode(errors="replace")
    found = [(where, secret[:4]) for where, text in said.items() for secret in secrets if secret in text]
    assert found == []
    assert any(re.match("event log", where) for where in said)
