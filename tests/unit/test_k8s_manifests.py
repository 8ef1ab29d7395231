"""spark-on-k8s: the manifests agree with conf/ and the locks, ask for few rights and resources, and hold no secret."""

from __future__ import annotations

import base64
import fnmatch
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from headrace import config as configuration
from headrace.config import Config, PodResources, Size

ROOT = Path(__file__).parents[2]
FILES = ROOT / "spark-on-k8s"
OVERLAYS = sorted(
    path.parent
    for path in FILES.glob("*/kustomization.yaml")
    if "../base" in yaml.safe_load(path.read_text())["resources"]
)
UNITS = {"m": 1, "g": 1024, "Mi": 1, "Gi": 1024}  # in MiB: Spark's, and Kubernetes'

Object = dict[str, Any]


def mebibytes(said: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(\w+)", said).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def millicores(said: str) -> float:
    return float(said[:-1]) if said.endswith("m") else 1000 * float(said)


def resources(folder: Path) -> list[Object]:
    """The objects of a kustomization and of those it refers to, before patches."""
    found: list[Object] = []
    for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
        path = folder / name
        found += (
            resources(path)
            if path.is_dir()
            else [document for document in yaml.safe_load_all(path.read_text()) if document]
        )
    return found


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return resources(FILES / "base")


@pytest.fixture(scope="module")
def mlflow(objects: list[Object]) -> Object:
    found: Object = one(objects, "Deployment", "mlflow")["spec"]["template"]["spec"]
    return found


@pytest.fixture(scope="module")
def operator() -> Object:
    content: Object = yaml.safe_load((FILES / "operator" / "values.yaml").read_text())
    return content


@pytest.fixture(params=OVERLAYS, ids=lambda folder: folder.name)
def overlay(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


@pytest.fixture
def config(overlay: Path) -> Config:
    return configuration.load(overlay.name, ROOT / "conf")


@pytest.fixture
def patches(overlay: Path) -> list[Object]:
    content = yaml.safe_load((overlay / "kustomization.yaml").read_text())
    return [yaml.safe_load(entry["patch"]) for entry in content["patches"]]


def one(objects: list[Object], kind: str, name: str) -> Object:
    (found,) = (
        candidate for candidate in objects if candidate["kind"] == kind and candidate["metadata"]["name"] == name
    )
    return found


def names(objects: list[Object], kind: str) -> set[str]:
    return {candidate["metadata"]["name"] for candidate in objects if candidate["kind"] == kind}


def variables(mlflow: Object) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in mlflow["containers"][0]["env"]}


def test_there_is_an_environment() -> None:
    assert OVERLAYS


def test_an_overlay_has_the_label_of_its_environment_which_runs_on_kubernetes(overlay: Path, config: Config) -> None:
    (labels,) = (entry["pairs"] for entry in yaml.safe_load((overlay / "kustomization.yaml").read_text())["labels"])
    assert labels == {"headrace-environment": overlay.name}
    assert config.backend == "kubernetes"


def test_everything_that_jobs_are_configured_to_use_exists(objects: list[Object], config: Config) -> None:
    assert config.kubernetes.namespace in names(objects, "Namespace")
    assert {candidate["metadata"].get("namespace", config.kubernetes.namespace) for candidate in objects} == {
        config.kubernetes.namespace
    }
    assert {config.kubernetes.driver_account, config.kubernetes.executor_account} <= names(objects, "ServiceAccount")
    assert config.kubernetes.priority_class in names(objects, "PriorityClass")


def test_deploy_creates_the_secrets_that_jobs_are_configured_to_use(config: Config) -> None:
    created = set(re.findall(r"create secret generic (\S+)", (ROOT / "tools" / "deploy").read_text()))
    assert created == {*config.kubernetes.environment, config.kubernetes.spark_secret}


def test_an_executor_has_neither_permissions_nor_a_token(objects: list[Object], config: Config) -> None:
    account = one(objects, "ServiceAccount", config.kubernetes.executor_account)
    assert account["automountServiceAccountToken"] is False
    bound = {
        subject["name"] for binding in objects if binding["kind"] == "RoleBinding" for subject in binding["subjects"]
    }
    assert config.kubernetes.driver_account in bound
    assert config.kubernetes.executor_account not in bound


def test_a_role_names_each_permission_and_reads_no_secret(objects: list[Object]) -> None:
    rules = [rule for role in objects if role["kind"] == "Role" for rule in role["rules"]]
    said = {word for rule in rules for key in ("apiGroups", "resources", "verbs") for word in rule[key]}
    assert rules
    assert not said & {"*", "secrets", "pods/exec", "escalate", "bind", "impersonate"}


def test_the_namespaces_refuse_pods_that_are_not_restricted(objects: list[Object]) -> None:
    levels = [candidate["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for candidate in objects
              if candidate["kind"] == "Namespace"]  # fmt: skip
    assert levels == ["restricted", "restricted"]


def test_every_container_declares_its_requests_and_limits(mlflow: Object, operator: Object) -> None:
    for said in (mlflow["containers"][0]["resources"], operator["controller"]["resources"]):
        assert {"cpu", "memory"} <= said["requests"].keys()
        assert mebibytes(said["limits"]["memory"]) >= mebibytes(said["requests"]["memory"])


def test_mlflow_satisfies_the_restricted_standard(mlflow: Object) -> None:
    assert mlflow["securityContext"]["runAsNonRoot"] is True
    assert mlflow["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert mlflow["automountServiceAccountToken"] is False
    assert mlflow["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip


def test_jobs_reach_mlflow_and_are_allowed_in(objects: list[Object], mlflow: Object, config: Config) -> None:
    address = urlsplit(config.mlflow_uri)
    service = one(objects, "Service", "mlflow")
    assert address.hostname == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert address.port == service["spec"]["ports"][0]["port"]
    allowed = variables(mlflow)["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert any(fnmatch.fnmatch(address.netloc, pattern) for pattern in allowed)
    assert "*" not in allowed


def test_artefacts_go_below_the_environments_root(patches: list[Object], config: Config) -> None:
    (patch,) = (found for found in patches if found["kind"] == "Deployment")
    root = variables(patch["spec"]["template"]["spec"])["MLFLOW_DEFAULT_ARTIFACT_ROOT"]
    assert root.startswith(f"{config.root}/")


def test_mlflow_is_the_one_that_headrace_is_tested_with(mlflow: Object) -> None:
    pinned = {
        re.search(r"^mlflow==(\S+)", (ROOT / "locks" / lock).read_text(), re.MULTILINE)[1]  # type: ignore[index]
        for lock in ("dev.txt", "mlflow.txt")
    }
    assert {mlflow["containers"][0]["image"].rpartition(":")[2]} == pinned


def test_the_operator_watches_the_jobs_and_has_the_permission_that_its_chart_lacks(
    operator: Object, objects: list[Object], config: Config
) -> None:
    assert operator["spark"]["jobNamespaces"] == [config.kubernetes.namespace]
    (subject,) = one(objects, "RoleBinding", "headrace-operator")["subjects"]
    assert (subject["namespace"], subject["name"]) == ("spark-operator", "spark-operator-controller")
    rules = one(objects, "Role", "headrace-operator")["rules"]
    assert [(rule["resources"], rule["verbs"]) for rule in rules] == [(["networkpolicies"], ["create", "patch"])]
    assert operator["controller"]["priorityClassName"] in names(objects, "PriorityClass")


def test_each_stage_fits_in_the_quota_and_each_container_below_the_limit(
    objects: list[Object], patches: list[Object], config: Config
) -> None:
    (patch,) = (found for found in patches if found["kind"] == "ResourceQuota")
    hard = patch["spec"]["hard"]
    most = one(objects, "LimitRange", "headrace-jobs")["spec"]["limits"][0]["max"]
    assert config.sizes

    def memory(container: PodResources) -> int:
        return mebibytes(container.memory) + mebibytes(container.overhead)

    def pods(size: Size) -> list[PodResources]:
        return [size.driver] + [size.executor] * size.executors

    for size in config.sizes.values():
        assert len(pods(size)) <= int(hard["pods"])
        assert sum(map(memory, pods(size))) <= mebibytes(hard["requests.memory"])
        assert sum(millicores(pod.cpu_request) for pod in pods(size)) <= millicores(hard["requests.cpu"])
        assert sum(1000 * pod.cores for pod in pods(size)) <= millicores(hard["limits.cpu"])
        for pod in pods(size):
            assert memory(pod) <= mebibytes(most["memory"])
            assert 1000 * pod.cores <= millicores(most["cpu"])


def test_the_folder_holds_no_secret(objects: list[Object]) -> None:
    assert names(objects, "Secret") == set()
    text = "\n".join(path.read_text() for path in FILES.rglob("*") if path.is_file())
    assert re.findall(r"AWS_SECRET_ACCESS_KEY[\"']?(?:\s*[:=]|\s+value)", text) == []  # it is referred to


def test_deploy_passes_secrets_on_and_prints_none(tmp_path: Path) -> None:
    """A fake kubectl and helm record their arguments and input. Arguments must hold no secret: `ps` shows them."""
    for tool in ("kubectl", "helm"):
        script = tmp_path / tool
        script.write_text(
            f'#!/bin/bash\necho "{tool} $*" >> {tmp_path}/arguments\n'
            'case "$*" in\n*"default-class"*) echo true;;\n*"get resourcequota"*) echo 0;;\n'
            f'*"create secret"*) cat >> {tmp_path}/input;;\n'
            "*apply*|*diff*) cat > /dev/null;;\nesac\n"
        )
        script.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "an-access-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret-key",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:7070",
        "HEADRACE_CLUSTER_S3_ENDPOINT": "http://s3.example.org",
    }
    done = subprocess.run(
        [ROOT / "tools" / "deploy", OVERLAYS[0].name], env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    arguments, given = (tmp_path / "arguments").read_text(), (tmp_path / "input").read_text()
    spark, executor, *s3 = given.splitlines()
    assert s3 == [
        "AWS_ACCESS_KEY_ID=an-access-key", "AWS_SECRET_ACCESS_KEY=a-secret-key", "AWS_REGION=eu-central-1",
        "AWS_ENDPOINT_URL_S3=http://s3.example.org",
    ]  # fmt: skip
    secret_of_spark = spark.removeprefix("secret=")
    assert len(secret_of_spark) == 44
    assert executor == f"executor={base64.b64encode(secret_of_spark.encode()).decode()}"  # as Spark's driver shares it
    for secret in ("an-access-key", "a-secret-key", secret_of_spark, executor.removeprefix("executor=")):
        assert secret not in arguments + done.stdout + done.stderr
