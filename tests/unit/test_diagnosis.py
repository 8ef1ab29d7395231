"""Why an application failed, worked out from the objects of the API server."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from headrace.backends.kubernetes import diagnosis
from headrace.errors import OUT_OF_MEMORY, PERMANENT, RETRYABLE
from headrace.outcome import Outcome

from tests.support.fake_cluster import finished, pod

REFUSED = {
    'pods "x-driver" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false': (
        PERMANENT,
        'pod security refuses the pod: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    ),
    'pods "x-driver" is forbidden: exceeded quota: headrace-jobs, requested: requests.cpu=9, used: 1, limited: 2': (
        RETRYABLE,
        "the namespace's quota is full: exceeded quota: headrace-jobs, requested: requests.cpu=9, used: 1, limited: 2",
    ),
    'pods "x-driver" is forbidden: maximum memory usage per Container is 8Gi, but limit is 10Gi': (
        PERMANENT,
        "the size is beyond the namespace's limits: maximum memory usage per Container is 8Gi, but limit is 10Gi",
    ),
    'networkpolicies "x" is forbidden: User "system:serviceaccount:spark-operator:c" cannot patch resource "np"': (
        PERMANENT,
        'a permission is missing: User "system:serviceaccount:spark-operator:c" cannot patch resource "np"',
    ),
}


@pytest.mark.parametrize("said", REFUSED, ids=["pod security", "quota", "limit", "permission"])
def test_a_refused_submission_is_reported_in_one_line(said: str) -> None:
    trace = (
        "failed to submit spark application: failed to run spark-submit: 26/11/24 WARN Utils: your hostname\n"
        'Exception in thread "main" io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST\n'
        f"Message: {said}\n\tat io.fabric8.kubernetes.client.KubernetesClientException.copyAsCause(K.java:238)\n" * 3
    )
    assert diagnosis.submission_failed(trace) == Outcome(*REFUSED[said])
    for state in ("SUBMISSION_FAILED", "FAILED"):
        refused = {"status": {"applicationState": {"state": state, "errorMessage": trace}}}
        waits = state == "SUBMISSION_FAILED" and "exceeded quota" in said  # the operator submits it again
        assert diagnosis.ended(None, [], refused) == (None if waits else Outcome(*REFUSED[said]))


def test_an_application_that_was_submitted_again_has_a_driver_before_its_state_says_so() -> None:
    failed = {"status": {"applicationState": {"state": "SUBMISSION_FAILED", "errorMessage": "exceeded quota: jobs"}}}
    assert diagnosis.ended(pod(waiting={"reason": "ContainerCreating"}), [], failed) is None


def test_a_job_that_ended_reports_its_own_reason() -> None:
    refused = finished(65, message="BatchRefusedError: flights.legs is refused\n")
    assert diagnosis.ended(refused, [], {}) == Outcome(65, "BatchRefusedError: flights.legs is refused")
    assert diagnosis.ended(finished(75, message="InputNotYetError: wait"), [], {}) == Outcome(
        75, "InputNotYetError: wait"
    )
    assert diagnosis.ended(finished(0, "Completed"), [], {}) == Outcome(0)
    assert diagnosis.ended(pod(running={"startedAt": "now"}), [], {}) is None


def test_out_of_memory_names_the_container_and_the_part_that_grew() -> None:
    lost = finished(65, message="SparkException: Job aborted: ExecutorLostFailure (executor 1 exited)")
    heap = finished(65, message="Py4JJavaError: java.lang.OutOfMemoryError: Java heap space")
    python = finished(137, "OOMKilled", name="x-exec-1")
    jvm = finished(52, name="x-exec-2")
    outcomes = {
        "driver, beside the heap": diagnosis.ended(finished(137, "OOMKilled"), [], {}),
        "driver's heap": diagnosis.ended(heap, [], {}),
        "executor, beside the heap": diagnosis.ended(lost, [python], {}),
        "executor's heap": diagnosis.ended(lost, [jvm], {}),
    }
    assert {what: re.findall(r"`\w+\.\w+`", ended.reason) for what, ended in outcomes.items() if ended} == {
        "driver, beside the heap": ["`driver.overhead`"],
        "driver's heap": ["`driver.memory`"],
        "executor, beside the heap": ["`executor.overhead`"],
        "executor's heap": ["`executor.memory`"],
    }
    assert {ended.code for ended in outcomes.values() if ended} == {OUT_OF_MEMORY}
    assert "limit of 2Gi" in outcomes["driver, beside the heap"].reason  # type: ignore[union-attr]


def test_a_driver_whose_heap_is_full_is_known_by_the_exit_code_of_spark() -> None:
    ended = diagnosis.ended(
        finished(52, message="SparkException: Job 0 cancelled because SparkContext was shut down"), [], {}
    )
    assert ended
    assert (ended.code, ended.reason[:26]) == (OUT_OF_MEMORY, "the driver's heap is full:")
    unheard = diagnosis.ended(finished(52), [], {})
    assert unheard == Outcome(
        OUT_OF_MEMORY, "the driver's heap is full: exit code 52. Raise `driver.memory` of its size"
    )


def test_what_the_job_itself_says_about_its_memory_is_the_reason() -> None:
    said = "OutOfMemoryError: t ran out of memory: 1 GB of heap. Raise sizes.build.executor.memory in conf/staging.yaml"
    for code in (71, 52):
        ended = diagnosis.ended(finished(code, message=said), [finished(52, name="x-exec-2")], {})
        assert ended == Outcome(OUT_OF_MEMORY, said)


def test_an_executor_that_spark_replaced_is_not_the_reason_for_a_later_failure() -> None:
    failed = finished(65, message="ContractError: 'x' is missing")
    for recovered in (finished(143, name="x-exec-1"), finished(137, "OOMKilled", name="x-exec-1")):
        assert diagnosis.ended(failed, [recovered], {}) == Outcome(65, "ContractError: 'x' is missing")


def test_a_permission_that_a_driver_lacks_is_named() -> None:
    said = 'User "system:serviceaccount:headrace-jobs:x" cannot get resource "pods" in API group ""'
    failed = finished(65, message=f"Py4JJavaError: no scheduler Caused by: Exception: pods is forbidden: {said}")
    assert diagnosis.ended(failed, [], {}) == Outcome(PERMANENT, f"a permission is missing: {said}")


def test_rows_that_were_lost_with_an_executor_are_retryable_unless_it_ran_out_of_memory() -> None:
    said = "LostRowsError: rows that were computed once are lost with their executor. Try again"
    lost = finished(75, message=said)
    assert diagnosis.ended(lost, [finished(143, name="x-exec-1")], {}) == Outcome(75, said)
    ended = diagnosis.ended(lost, [finished(137, "OOMKilled", name="x-exec-1")], {})
    assert ended
    assert ended.code == OUT_OF_MEMORY
    assert ended.reason.startswith("executor 1 ran out of memory: its container reached its limit")


def test_executors_lost_without_a_fault_of_the_job_are_retryable() -> None:
    lost = finished(65, message="SparkException: ExecutorLostFailure (executor 1 exited)")
    ended = diagnosis.ended(lost, [finished(143, name="x-exec-1")], {})
    assert ended == Outcome(
        RETRYABLE, f"executors were lost: {'SparkException: ExecutorLostFailure (executor 1 exited)'}"
    )


def test_an_image_that_is_missing_is_named() -> None:
    waiting = pod(waiting={"reason": "ErrImageNeverPull", "message": "Container image is not present"})
    assert diagnosis.stuck(waiting) == "the image is not on the node: jobs:1 (Container image is not present)"
    assert diagnosis.stuck(pod(waiting={"reason": "ContainerCreating"})) == ""


def test_a_deleted_driver_is_retryable() -> None:
    gone = {"status": {"applicationState": {"state": "FAILING", "errorMessage": "driver pod not found"}}}
    ended = diagnosis.ended(None, [], gone)
    assert ended == Outcome(RETRYABLE, "the driver's pod is gone (driver pod not found): deleted, or its node lost")
    ended = diagnosis.ended(finished(143), [], {})  # seen while it goes
    assert ended == Outcome(RETRYABLE, "the driver's pod is gone (exit code 143): deleted, or its node drained")
    assert diagnosis.ended(None, [], {"status": {"applicationState": {"state": "SUBMITTED"}}}) is None


def test_a_job_that_completed_before_its_pod_was_deleted_is_completed() -> None:
    assert diagnosis.ended(None, [], {"status": {"applicationState": {"state": "COMPLETED"}}}) == Outcome(0)


def test_a_pod_on_a_node_that_does_not_answer_is_given_up() -> None:
    def leaving(until: dt.datetime) -> dict[str, Any]:
        driver = pod(running={"startedAt": "now"})
        driver["metadata"]["deletionTimestamp"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        return driver

    now = dt.datetime.now(dt.UTC)
    assert diagnosis.ended(leaving(now), [], {}) is None
    ended = diagnosis.ended(leaving(now - dt.timedelta(minutes=2)), [], {})
    assert ended
    assert ended.code == RETRYABLE
    assert ended.reason.startswith("the driver's node does not answer")


def test_an_evicted_driver_says_why_it_was_evicted() -> None:
    evicted = finished(137)
    evicted["status"] |= {"phase": "Failed", "reason": "Evicted", "message": "low on resource: ephemeral-storage"}
    ended = diagnosis.ended(evicted, [], {})
    assert ended == Outcome(
        RETRYABLE, "the driver's pod was ended by the cluster (Evicted): low on resource: ephemeral-storage"
    )


def test_a_job_by_hand_that_took_too_long_names_the_setting() -> None:
    late = finished(137)
    late["status"] |= {"phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active too long"}
    said = "it took longer than a job by hand may: raise `kubernetes.by_hand_hours` (Pod was active too long)"
    assert diagnosis.ended(late, [], {}) == Outcome(RETRYABLE, said)


def test_a_message_that_only_sounds_like_a_missing_permission_is_left_as_it_is() -> None:
    said = "SparkException: User defined function (f) cannot take null"
    assert diagnosis.ended(finished(75, message=said), [], {}) == Outcome(75, said)
