"""Jobs that cannot start: the task fails in time, its last line is the reason, and nothing is left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from headrace.errors import PERMANENT, RETRYABLE
from headrace.outcome import Outcome

from tests.support.airflow_api import Airflow
from tests.support.breaking import meanwhile
from tests.support.ground import NAMESPACE, Ground, Json
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.k8s, pytest.mark.fault, pytest.mark.timeout(900), pytest.mark.usefixtures("nothing_is_left_at_once"),
]  # fmt: skip
START_SECONDS = 60


@contextmanager
def full(ground: Ground, pods: int = 0) -> Iterator[str]:
    """Limit the namespace to ``pods`` pods until the block ends; yields the quota."""
    quota = json.dumps({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full", "namespace": NAMESPACE},
        "spec": {"hard": {"count/pods": f"{pods}"}},
    })  # fmt: skip
    ground.kubectl("apply", "-f", "-", text=quota)
    eventually("the quota counts", lambda: "used" in ground.objects("resourcequotas", "")[0]["status"])
    try:
        yield quota
    finally:
        ground.kubectl("delete", "--ignore-not-found", "-f", "-", text=quota)


def failed(airflow: Airflow) -> str:
    """The last line of a task that fails within its start-up timeout, in each try."""
    run = airflow.trigger("probe", words="say hello")
    task = airflow.run("probe", run, within=300)["probe"]
    assert task["state"] == "failed"
    assert task["duration"] < START_SECONDS + 15, airflow.log("probe", run, "probe")[-20:]
    return airflow.last_line("probe", run, "probe")


def test_an_image_that_is_not_there(ground: Ground, airflow: Airflow) -> None:
    with ground.configured(image="docker.io/headrace/none:1", start_timeout_seconds=START_SECONDS):
        assert "the image is missing or cannot be pulled: docker.io/headrace/none:1" in failed(airflow)


def test_a_namespace_whose_quota_stays_full(ground: Ground, airflow: Airflow) -> None:
    with full(ground, pods=len(ground.names("pods"))), ground.configured(queue_timeout_seconds=20):
        said = failed(airflow)
    assert "it waited for 20 s: the namespace's quota is full: exceeded quota: full" in said


def test_a_job_that_is_larger_than_the_quota(ground: Ground) -> None:
    with full(ground):
        ended, _ = ground.run(ground.manifest("too large", "jobs/probe.py", "say hello"))
    assert ended.code == PERMANENT
    assert "the size is beyond the namespace's quota: exceeded quota: full, requested: count/pods=1" in ended.reason


def test_a_full_quota_is_waited_for_longer_than_a_start_may_take(ground: Ground) -> None:
    made = ground.manifest("no room for a while", "jobs/probe.py", "say hello")
    with full(ground, pods=len(ground.names("pods"))) as quota, meanwhile(lambda: make_room_after(45, ground, quota)):
        ended, lines = ground.run(made, start_timeout=30, queue_timeout=300)
    assert ended == Outcome(0)
    assert "hello" in lines
    assert [line for line in lines if line.startswith("waiting: the namespace's quota is full: exceeded quota: full")]


def test_a_job_that_is_suspended_while_it_runs_goes_on_when_it_is_resumed(ground: Ground) -> None:
    made = ground.manifest("suspended", "jobs/probe.py", "say begins sleep 30 say ends")
    with meanwhile(lambda: suspend_for_a_while(ground, made)):
        ended, lines = ground.run(made)
    assert ended == Outcome(0)
    assert [line for line in lines if line in ("begins", "ends")] == ["begins", "begins", "ends"]
    assert "waiting: it is suspended. It goes on once a person or a queue sets its `suspend` to false" in lines


def suspend_for_a_while(ground: Ground, made: Json) -> None:
    def suspend(wanted: str) -> None:
        patch = ["--type", "merge", "-p", f'{{"spec": {{"suspend": {wanted}}}}}']
        ground.kubectl("-n", NAMESPACE, "patch", "sparkapplication", made["metadata"]["name"], *patch)

    eventually("the job runs", lambda: "begins" in ground.driver_log(made))
    suspend("true")
    eventually("its driver is gone", lambda: not ground.names("pods", "spark-role=driver"))
    suspend("false")


def test_an_account_that_is_not_there(ground: Ground, airflow: Airflow) -> None:
    with ground.configured(driver_account="nobody", start_timeout_seconds=START_SECONDS):
        assert "a service account is missing" in failed(airflow)


def test_a_driver_that_may_not_start_executors(ground: Ground) -> None:
    made = ground.manifest("no rights", "jobs/probe.py", "count", driver_account="headrace-executor")
    ended, _ = ground.run(made)
    assert ended.code == PERMANENT
    assert "a permission is missing" in ended.reason
    assert "headrace-executor" in ended.reason


def test_executors_that_the_quota_refuses_are_waited_for(ground: Ground) -> None:
    made = ground.manifest("refused for a while", "jobs/probe.py", "count")
    with (
        full(ground, pods=len(ground.names("pods")) + 1) as quota,
        meanwhile(lambda: make_room(ground, made, quota)),
    ):
        ended, lines = ground.run(made)
    assert ended == Outcome(0)
    assert "the sum is 4999950000" in lines


def make_room(ground: Ground, made: Json, quota: str) -> None:
    eventually("executors are refused", lambda: "exceeded quota" in ground.driver_log(made))
    make_room_after(20, ground, quota)


def make_room_after(seconds: float, ground: Ground, quota: str) -> None:
    time.sleep(seconds)
    ground.kubectl("delete", "-f", "-", text=quota)


def test_executors_that_the_quota_refuses_for_long(ground: Ground) -> None:
    with full(ground, pods=len(ground.names("pods")) + 1):
        ended, _ = ground.run(ground.manifest("refused", "jobs/probe.py", "count"))
    assert ended.code == RETRYABLE
    assert "its executors could not be made: the namespace's quota is full: exceeded quota: full" in ended.reason


def test_a_pod_that_pod_security_refuses(ground: Ground) -> None:
    made = ground.manifest("as root", "jobs/probe.py", "say hello")
    container = made["spec"]["driver"]["template"]["spec"]["containers"][0]
    container["securityContext"]["allowPrivilegeEscalation"] = True
    ended, _ = ground.run(made, start_timeout=START_SECONDS)
    assert ended.code == PERMANENT
    assert "pod security refuses the pod: violates PodSecurity" in ended.reason
    assert "allowPrivilegeEscalation" in ended.reason


def test_whoever_may_not_make_applications(ground: Ground, airflow: Airflow) -> None:
    """A connection without rights: the task fails at once with the reason, and is not tried again."""
    token = ground.kubectl("-n", NAMESPACE, "create", "token", "headrace-executor").strip()
    server = ground.kubectl("config", "view", "--raw", "-o", "jsonpath={.clusters[0].cluster}")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": json.loads(server)}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    connection = {"connection_id": "stranger", "conn_type": "kubernetes", "extra": json.dumps({"kube_config": config})}
    assert airflow.call("POST", "/api/v2/connections", connection)[0] == 201
    with ground.configured(conn_id="stranger"):
        said = failed(airflow)
    assert "the Kubernetes API refuses the request: sparkapplications.sparkoperator.k8s.io" in said
    assert f'forbidden: User "system:serviceaccount:{NAMESPACE}:headrace-executor" cannot get' in said
