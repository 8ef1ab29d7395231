"""spark-on-k8s/airflow: the values for Airflow's chart hold no secret, and agree with what the tests run with."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from headrace import config as configuration

ROOT = Path(__file__).parents[2]
FILES = ROOT / "spark-on-k8s" / "airflow"
Setting = tuple[str, str]

# Settings of the laptop's Airflow that have another value in the chart, or none.
ANOTHER_VALUE: dict[Setting, str] = {
    ("core", "executor"): "a laptop has no pods to run tasks in",
}
NOT_HERE: dict[Setting, str] = {
    ("core", "parallelism"): "a laptop runs four tasks at once; the pool and the quota limit pods",
    ("core", "simple_auth_manager_users"): "the chart's auth manager has its own users",
    ("core", "simple_auth_manager_all_admins"): "the same",
    ("core", "simple_auth_manager_passwords_file"): "the same",
    ("api", "host"): "the service of the chart must reach it",
    ("api", "workers"): "one is enough for one person",
}
# Keys of the chart that take a secret itself, not the name of a Secret.
TAKEN_AS_THEY_ARE = {
    "fernetKey", "apiSecretKey", "jwtSecret", "webserverSecretKey", "metadataConnection", "resultBackendConnection",
    "brokerUrl", "extraSecrets", "password", "pass", "sshKey", "keytabBase64Content", "connection",
}  # fmt: skip


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value in a tree of mappings and lists, with the keys that lead to it."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, path)
    else:
        yield path, node


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FILES / "values.yaml").read_text())
    return content


@pytest.fixture(scope="module")
def env(values: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in values["env"]}


@pytest.fixture(scope="module")
def role_and_binding() -> dict[str, dict[str, Any]]:
    return {document["kind"]: document for document in yaml.safe_load_all((FILES / "role.yaml").read_text())}


@pytest.fixture(scope="module")
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


@pytest.fixture(scope="module")
def airflow_version() -> str:
    pinned = re.search(r"^apache-airflow==(\S+)", (ROOT / "locks" / "airflow.txt").read_text(), re.MULTILINE)
    assert pinned
    return pinned[1]


def of_the_laptop(env: dict[str, str]) -> dict[Setting, str]:
    """The settings in tools/airflow.env, with the project's folder in the image."""
    lines = (ROOT / "tools" / "airflow.env").read_text()
    found = re.findall(r"^export AIRFLOW__([A-Z_]+?)__([A-Z_]+)=(.*)$", lines, re.MULTILINE)
    home = env["HEADRACE_HOME"]
    return {(section.lower(), key.lower()): said.replace("$HEADRACE_HOME", home) for section, key, said in found}


def of_the_chart(values: dict[str, Any]) -> dict[Setting, str]:
    """The settings in the values. The executor is a separate value."""
    said = {(section, key): str(value) for section, of in values["config"].items() for key, value in of.items()}
    return {**said, ("core", "executor"): values["executor"]}


def test_every_connection_comes_from_a_kubernetes_secret(values: dict[str, Any]) -> None:
    connections = [entry for entry in values["secret"] if entry["envName"].startswith("AIRFLOW_CONN_")]
    assert connections
    assert [entry for entry in connections if not (entry.get("secretName") and entry.get("secretKey"))] == []
    elsewhere = {key: value for key, value in values.items() if key != "secret"}
    assert [path for path, value in leaves(elsewhere) if "AIRFLOW_CONN_" in f"{path} {value}"] == []


def test_no_value_is_a_secret(values: dict[str, Any]) -> None:
    assert [path for path, _ in leaves(values) if TAKEN_AS_THEY_ARE & set(path)] == []
    assert [path for path, value in leaves(values) if re.search(r"://[^/\s]*:[^/\s]*@", str(value))] == []


def test_the_charts_default_passwords_are_not_used(values: dict[str, Any]) -> None:
    assert not values["createUserJob"]["enabled"]
    assert not values["postgresql"]["enabled"]
    assert values["data"]["metadataSecretName"]


def test_logs_go_through_a_connection_that_exists(values: dict[str, Any]) -> None:
    connection = values["config"]["logging"]["remote_log_conn_id"]
    assert f"AIRFLOW_CONN_{connection.upper()}" in {entry["envName"] for entry in values["secret"]}


def test_a_setting_has_the_value_that_the_tests_run_with(values: dict[str, Any], env: dict[str, str]) -> None:
    laptop, chart = of_the_laptop(env), of_the_chart(values)
    assert len(laptop) > len(NOT_HERE)
    differing = {setting for setting in laptop.keys() & chart.keys() if laptop[setting] != chart[setting]}
    assert differing == ANOTHER_VALUE.keys()


def test_no_setting_that_the_tests_run_with_is_missing(values: dict[str, Any], env: dict[str, str]) -> None:
    assert of_the_laptop(env).keys() - of_the_chart(values).keys() - NOT_HERE.keys() == set()


def test_airflow_is_the_one_that_headrace_is_tested_with(values: dict[str, Any], airflow_version: str) -> None:
    assert values["airflowVersion"] == airflow_version
    assert values["defaultAirflowTag"] == airflow_version


def test_the_image_is_made_from_that_airflow_and_python(
    airflow_version: str, setup_cfg: configparser.ConfigParser
) -> None:
    python = setup_cfg["options"]["python_requires"].split(",")[0].removeprefix(">=")
    pulled = re.findall(r"docker pull (\S+)$", (ROOT / "docs" / "airflow.md").read_text(), re.MULTILINE)
    assert pulled == [f"apache/airflow:{airflow_version}-python{python}"]


def test_the_image_takes_its_base_by_digest_its_packages_by_hashes_and_headrace_from_the_wheel() -> None:
    lines = (FILES / "Dockerfile").read_text()
    assert re.findall(r"^(?:ARG|FROM) .*$", lines, re.MULTILINE) == ["ARG AIRFLOW", "FROM ${AIRFLOW}"]  # no default
    first, second = re.findall(r"pip install .*?(?= \\)", lines)
    assert {"--require-hashes", "--no-deps", "/locks/airflow.txt"} < set(first.split())
    assert {"--no-index", "--no-deps", "/dist/headrace-*.whl"} < set(second.split())
    assert "--build-arg AIRFLOW=$(docker inspect --format '{{index .RepoDigests 0}}'" in (
        ROOT / "docs" / "airflow.md"
    ).read_text()  # fmt: skip


def test_the_project_is_in_the_image_where_airflow_looks_for_it(values: dict[str, Any], env: dict[str, str]) -> None:
    copied = re.findall(r"^COPY .*?(\S+) (\S+)$", (FILES / "Dockerfile").read_text(), re.MULTILINE)
    assert dict(copied) == {folder: f"{env['HEADRACE_HOME']}/{folder}" for folder in ("conf", "lib", "dags")}
    assert all((ROOT / folder).is_dir() for folder, _ in copied)
    assert env["PYTHONPATH"] == dict(copied)["lib"]
    assert values["config"]["core"]["dags_folder"] == dict(copied)["dags"]


def test_the_environment_is_one_whose_jobs_run_on_a_cluster(env: dict[str, str]) -> None:
    assert configuration.load(env["HEADRACE_ENV"], ROOT / "conf").backend == "kubernetes"


def test_the_pool_that_tasks_ask_for_is_created_at_each_install(values: dict[str, Any]) -> None:
    files = [path for path in (ROOT / "conf").glob("*.yaml") if path.stem != "base"]
    pools = {yaml.safe_load(path.read_text()).get("pool", "default_pool") for path in files} - {"default_pool"}
    command = " ".join(values["migrateDatabaseJob"]["args"])
    assert pools
    assert set(re.findall(r"airflow pools set (\S+) \d+", command)) == pools
    assert command.index("airflow db migrate") < command.index("airflow pools")


def test_pods_satisfy_the_restricted_standard(values: dict[str, Any]) -> None:
    pod, container = values["securityContexts"]["pod"], values["securityContexts"]["containers"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_a_role_names_each_permission_and_stays_in_the_namespace_of_jobs(role_and_binding: dict[str, Any]) -> None:
    role, binding = role_and_binding["Role"], role_and_binding["RoleBinding"]
    assert role_and_binding.keys() == {"Role", "RoleBinding"}
    assert {role["metadata"]["namespace"], binding["metadata"]["namespace"]} == {"headrace-jobs"}
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [path for path, value in leaves(role["rules"]) if "*" in value] == []


def test_a_task_changes_nothing_but_applications(role_and_binding: dict[str, Any]) -> None:
    changing = {resource for rule in role_and_binding["Role"]["rules"] for resource in rule["resources"]
                if set(rule["verbs"]) - {"get", "list", "watch"}}  # fmt: skip
    assert changing == {"sparkapplications"}
    assert "secrets" not in {resource for rule in role_and_binding["Role"]["rules"] for resource in rule["resources"]}


def test_the_role_is_for_the_accounts_that_the_chart_makes(
    values: dict[str, Any], role_and_binding: dict[str, Any]
) -> None:
    accounts = {values[component]["serviceAccount"]["name"] for component in ("workers", "triggerer")}
    assert {subject["name"] for subject in role_and_binding["RoleBinding"]["subjects"]} == accounts
