"""The DAGs of the flights, their jobs on a real cluster and their files in S3: the same rows as on a laptop."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import live
import pytest
from cluster import PROJECT, Ground
from headrace import storage

pytestmark = [pytest.mark.k8s, pytest.mark.slow, pytest.mark.timeout(2400)]
FIRST, LAST, DAY = "2013-01-01", "2013-01-20", "2013-01-21"
BUILT = f"{FIRST}..{LAST}"
PYTHON = PROJECT / ".venv" / "bin" / "python"


@pytest.fixture(scope="module")
def trained(ground: Ground, airflow: live.Airflow) -> live.Airflow:
    """Some weeks in the lake, and a champion, by the DAGs that a person would start."""
    rebuilt = airflow.trigger("flights_rebuild", days=BUILT)
    tasks = airflow.run("flights_rebuild", rebuilt, within=1200)
    assert {name: task["state"] for name, task in tasks.items()} == {
        "land": "success", "build": "success", "score": "failed",  # nothing can score before a model is trained
    }, airflow.log("flights_rebuild", rebuilt, "build")[-20:]  # fmt: skip
    run = airflow.trigger("flights_train", days=LAST)
    tasks = airflow.run("flights_train", run, within=1200)
    assert {task["state"] for task in tasks.values()} == {"success"}, airflow.log("flights_train", run, "train")[-20:]
    assert ground.left() == []
    return airflow


@pytest.fixture(scope="module")
def scored(trained: live.Airflow, ground: Ground) -> list[live.Json]:
    """What a day hands on that went from landing to scores on the cluster."""
    run = trained.trigger("flights_daily", day=DAY)
    tasks = trained.run("flights_daily", run, within=900)
    assert tasks["day"]["state"] == "success", trained.log("flights_daily", run, "day")[-20:]
    assert ground.left() == []
    return list(trained.result("flights_daily", run, "day"))


@pytest.fixture(scope="module")
def laptop(scored: list[live.Json], ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same days on this machine, with spark-submit, from the same inbox and with the same champion."""
    root = tmp_path_factory.mktemp("laptop") / "root"
    storage.download(ground.config().models, root / "models")
    own = {"HEADRACE_HOME": str(ground.project), "HEADRACE_ENV": "local", "PYTHONPATH": f"{ground.project}:lib"}
    own |= {"HEADRACE_CONF": str(ground.project / "conf"), "HEADRACE_JARS": str(PROJECT / "build" / "jars")}
    headrace = [str(PROJECT / ".venv" / "bin" / "headrace")]
    for line in (
        ["land", "--days", f"{FIRST}..{DAY}"],
        ["build", "flights.features", "--days", f"{FIRST}..{DAY}"],
        ["score", "flights.late15", "--days", DAY],
    ):
        command = [*headrace, *line, "--root", str(root)]
        done = subprocess.run(
            command, cwd=ground.project, env=os.environ | own, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return root


def rows(root: str, table: str, day: str) -> list[list[object]]:
    """The rows of a day, in the order of their key, as JSON has them."""
    code = (
        "import json, sys\n"
        "from headrace.lake.publications import path_of, table_at\nfrom headrace.storage import place\n"
        "root, table, day = sys.argv[1:]\n"
        "found = table_at(path_of(place(root) / 'lake', table)).to_pyarrow_table([('flight_date', '=', day)])\n"
        "order = [(name, 'ascending') for name in ('carrier', 'flight', 'origin')]\n"
        "print(json.dumps([list(row.values()) for row in found.sort_by(order).to_pylist()], default=str))"
    )
    own = os.environ | {"PYTHONPATH": str(PROJECT / "lib")}
    done = subprocess.run(
        [str(PYTHON), "-c", code, root, table, day], env=own, capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def test_a_day_goes_from_landing_to_scores(scored: list[live.Json]) -> None:
    landed, built, result = scored
    assert (landed["stage"], built["stage"], result["stage"]) == ("land", "build", "score")
    assert built["tables"]["flights.features"]["rows"] == result["rows"] > 100
    assert list(built["tables"]["flights.features"]["ids"]) == [DAY]


def test_the_features_are_those_of_a_laptop(scored: list[live.Json], laptop: Path, ground: Ground) -> None:
    on_cluster = rows(str(ground.config().root), "flights.features", DAY)
    assert on_cluster == rows(str(laptop), "flights.features", DAY)
    assert len(on_cluster) == scored[-1]["rows"]


def test_the_scores_are_those_of_a_laptop_with_the_same_champion(laptop: Path, ground: Ground) -> None:
    pairs = zip(
        rows(str(ground.config().root), "flights.late15_scores", DAY),
        rows(str(laptop), "flights.late15_scores", DAY),
        strict=True,
    )
    for ours, theirs in pairs:
        numbers = [(a, b) for a, b in zip(ours, theirs, strict=True) if isinstance(a, float)]
        others = [(a, b) for a, b in zip(ours, theirs, strict=True) if not isinstance(a, float)]
        assert [a for a, _ in others] == [b for _, b in others]
        assert [a for a, _ in numbers] == pytest.approx([b for _, b in numbers], abs=1e-6)


def test_every_stage_left_a_row_of_what_it_used_in_the_ledger(scored: list[live.Json], ground: Ground) -> None:
    found = [json.loads(path.read_text()) for path in sorted((ground.config().ledger).glob("*.json"))]
    [build] = [row for row in found if row["stage"] == "build" and row["days"] == DAY]
    assert build["image"] == ground.image
    assert build["size"]["driver"]["memory"] == "1500m"
    assert build["bytes_in"] > 0
    assert build["containers"]["driver"]["jvm_bytes"] > 2**28
    executors = [used for name, used in build["containers"].items() if name != "driver"]
    assert any(used["jvm_bytes"] > 2**27 for used in executors)
    assert build["cpu_seconds"] > 0


def test_no_secret_is_in_a_manifest_a_pod_a_log_or_a_rendered_template(
    scored: list[live.Json], trained: live.Airflow, ground: Ground
) -> None:
    shared = ground.kubectl("-n", "headrace-jobs", "get", "secret", "headrace-spark", "-o", "json")
    secrets = [ground.s3.key, ground.s3.secret, *json.loads(shared)["data"].values()]
    kinds = "sparkapplications,pods,services,configmaps,events,networkpolicies,deployments"
    said = {"objects": ground.kubectl("get", kinds, "-A", "-o", "yaml")}
    said |= {f"log {path}": path.read_text(errors="replace") for path in trained.home.rglob("*.log")}
    said |= {str(path): path.read_text() for path in (ground.config().root / "ledger").glob("*.json")}
    for dag in ("flights_daily", "flights_rebuild", "flights_train"):
        said[dag] = json.dumps(trained.get(f"/dags/{dag}/dagRuns/~/taskInstances")["task_instances"])
    for path in (ground.config().root / "spark-events").rglob("*"):
        if path.is_file():
            said[f"event log {path}"] = path.read_bytes().decode(errors="replace")
    found = [(where, secret[:4]) for where, text in said.items() for secret in secrets if secret in text]
    assert found == []
    assert any(re.match("event log", where) for where in said)
