"""What `make deploy` puts on a cluster, and that a second time it changes nothing."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headrace import config as configuration

from tests.support.ground import Ground

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ.get("ENV", "staging")
CONFIG = configuration.load(ENVIRONMENT, ROOT / "conf")
JOBS = CONFIG.kubernetes.namespace
OURS = ("headrace", "helm")  # who writes what was deployed
NO_SECRETS = (
    "pods,services,deployments,replicasets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,resourcequotas,"
    "limitranges,persistentvolumeclaims,events,sparkapplications"
)

pytestmark = pytest.mark.k8s


def command(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, input=given, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)


def kubectl(*arguments: str, given: str = "") -> str:
    done = command("kubectl", *arguments, given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def deploy(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = command("tools/deploy", *arguments, ENVIRONMENT)
    assert done.returncode == 0 or "missing: the Secret headrace-s3" in done.stderr or arguments, done.stderr
    return done


@pytest.fixture(scope="module", autouse=True)
def deployed(ground: Ground) -> None:
    deploy()


def versions() -> dict[tuple[str, ...], Any]:
    """When each object was last deployed, and its version.

    The version of a quota is left out, because jobs that run meanwhile change its status.
    """
    kinds = NO_SECRETS.replace("pods,", "").replace("events,", "").replace("sparkapplications", "priorityclasses")
    found: dict[tuple[str, ...], Any] = {}
    for namespace in (JOBS, "spark-operator"):
        for each in json.loads(kubectl("-n", namespace, "get", kinds, "-o", "json", "--show-managed-fields"))["items"]:
            said = each["metadata"]
            written = [by["time"] for by in said.get("managedFields", []) if by["manager"] in OURS]
            if written:
                version = "" if each["kind"] == "ResourceQuota" else said["resourceVersion"]
                found[each["kind"], said.get("namespace", ""), said["name"]] = (written, version)
    return found


def pod(name: str, *containers: dict[str, Any], **spec: Any) -> str:
    """The manifest of a pod that the namespace admits, unless ``containers`` or ``spec`` change that."""
    secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    made = [{"name": f"c{n}", "image": "none", "securityContext": secure, **each} for n, each in enumerate(containers)]
    context = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    whole = {"restartPolicy": "Never", "priorityClassName": "headrace-jobs", "securityContext": context,
             "containers": made, **spec}  # fmt: skip
    metadata = {"name": name, "namespace": JOBS, "labels": {"spark-role": "executor"}}  # policies let it reach MLflow
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": whole})


def refusal(manifest: str) -> str:
    """The reason why the API server refuses a pod; empty if it admits the pod."""
    return command("kubectl", "create", "--dry-run=server", "-f", "-", given=manifest).stderr


def test_a_second_deploy_changes_nothing() -> None:
    before = versions()
    assert {("Deployment", JOBS, "mlflow"), ("Role", JOBS, "spark-operator-controller")} <= before.keys()
    release = command("helm", "-n", "spark-operator", "history", "spark-operator").stdout
    deploy()
    assert versions() == before
    assert command("helm", "-n", "spark-operator", "history", "spark-operator").stdout == release


def test_after_a_deploy_there_is_no_difference() -> None:
    done = deploy("--diff")
    assert (done.returncode, done.stdout) == (0, "")


def test_what_somebody_changed_by_hand_is_shown_and_put_right() -> None:
    kubectl("-n", JOBS, "patch", "resourcequota", "headrace-jobs", "--field-manager", "somebody",
            "-p", '{"spec": {"hard": {"pods": "3"}}}')  # fmt: skip
    done = deploy("--diff")
    assert done.returncode == 1
    assert '-    pods: "3"' in done.stdout
    deploy()
    assert deploy("--diff").returncode == 0


def test_a_pod_that_says_little_is_taken_with_limits() -> None:
    made = json.loads(kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", given=pod("c-little", {})))
    assert {"cpu", "memory", "ephemeral-storage"} <= made["spec"]["containers"][0]["resources"]["limits"].keys()
    assert made["spec"]["preemptionPolicy"] == "Never"


@pytest.mark.parametrize(
    "wrong",
    [
        {
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
            }
        },
        {"securityContext": {}},
        {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsUser": 0}},
    ],
    ids=["capability", "no context", "root"],
)
def test_a_pod_that_is_not_restricted_is_refused(wrong: dict[str, Any]) -> None:
    assert 'violates PodSecurity "restricted' in refusal(pod("c-wrong", wrong))


def test_a_pod_that_reads_the_nodes_disk_is_refused() -> None:
    volume = {"name": "node", "hostPath": {"path": "/"}}
    assert "restricted volume types" in refusal(pod("c-wrong", {}, volumes=[volume]))


def test_pods_over_the_quota_are_refused_and_so_are_those_without_a_priority() -> None:
    large = {"resources": {"limits": {"cpu": "1", "memory": "8Gi"}}}
    assert "exceeded quota: headrace-jobs" in refusal(pod("c-large", large, large, large))
    assert "exceeded quota: headrace-jobs" in refusal(pod("c-large", large, large, large, priorityClassName=""))


def test_a_container_over_the_limit_is_refused() -> None:
    assert "maximum memory usage per Container" in refusal(pod("c-huge", {"resources": {"limits": {"memory": "99Gi"}}}))


def test_services_priority_is_not_to_be_had_for_jobs() -> None:
    large = {"resources": {"limits": {"cpu": "1", "memory": "8Gi"}}}
    assert "exceeded quota: headrace-services" in refusal(pod("c-vip", large, priorityClassName="headrace-services"))


@pytest.mark.parametrize(
    ("account", "may"),
    [
        (f"{JOBS}:headrace-driver", {"create pods", "deletecollection pods", "create configmaps"}),
        (f"{JOBS}:headrace-executor", set()),
        (f"{JOBS}:default", set()),
        ("spark-operator:spark-operator-controller", {"create pods", "deletecollection pods", "create configmaps",
         "create services", "delete services", "delete persistentvolumeclaims", "create networkpolicies"}),
    ],
)  # fmt: skip
def test_an_account_has_the_rights_that_it_needs(account: str, may: set[str]) -> None:
    asked = {
        "create pods", "deletecollection pods", "create configmaps", "create services", "delete services",
        "delete persistentvolumeclaims", "create networkpolicies", "delete networkpolicies", "get secrets",
        "create pods --subresource=exec", "create rolebindings", "create serviceaccounts --subresource=token",
    }  # fmt: skip
    got = {each for each in asked if command("kubectl", "-n", JOBS, "auth", "can-i", *each.split(),
           "--as", f"system:serviceaccount:{account}").returncode == 0}  # fmt: skip
    assert got == may


def test_nothing_listens_to_strangers() -> None:
    policies = json.loads(kubectl("-n", JOBS, "get", "networkpolicies", "-o", "json"))["items"]
    deny = next(each["spec"] for each in policies if each["metadata"]["name"] == "default-deny")
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for each in policies:
        for rule in each["spec"].get("ingress", []):
            assert all("podSelector" in peer and "namespaceSelector" not in peer for peer in rule["from"])


@pytest.fixture
def inside() -> Iterator[str]:
    """The name of a running pod with Python in the jobs' namespace."""
    image = kubectl(
        "-n", JOBS, "get", "deployment", "mlflow", "-o", "jsonpath={.spec.template.spec.containers[0].image}"
    )
    kubectl("create", "-f", "-", given=pod("c-inside", {"image": image, "command": ["sleep", "300"]}))
    try:
        kubectl("-n", JOBS, "wait", "--for=condition=Ready", "pod/c-inside", "--timeout=90s")
        yield "c-inside"
    finally:
        kubectl("-n", JOBS, "delete", "pod", "c-inside", "--grace-period=0", "--force")


def test_jobs_reach_mlflow_by_its_name_and_others_do_not_by_another(inside: str) -> None:
    asks = f"""
import urllib.error, urllib.request
url = "{CONFIG.mlflow_uri}/api/2.0/mlflow/experiments/search?max_results=1"
print(urllib.request.urlopen(url).status)
try:
    print(urllib.request.urlopen(urllib.request.Request(url, headers={{"Host": "example.org"}})).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
    assert kubectl("-n", JOBS, "exec", "-i", inside, "--", "python3", "-", given=asks).split() == ["200", "403"]


def test_no_secret_is_in_an_object_that_is_none() -> None:
    secrets = json.loads(kubectl("-n", JOBS, "get", "secrets", "-o", "json"))["items"]
    public = {"AWS_REGION", "AWS_ENDPOINT_URL_S3"}
    held = [value for each in secrets for key, value in each.get("data", {}).items() if key not in public]
    assert held
    written = "".join(kubectl("-n", each, "get", NO_SECRETS, "-o", "yaml") for each in (JOBS, "spark-operator"))
    for value in held:
        assert value not in written
        assert base64.b64decode(value).decode() not in written
