"""An application that waits for room, or is suspended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from headrace.backends.kubernetes import diagnosis
from headrace.backends.kubernetes.queues import queued
from headrace.backends.kubernetes.starting import Patience
from headrace.errors import PERMANENT, RETRYABLE, ClusterError
from headrace.outcome import Outcome

from tests.support.fake_cluster import Absent, finished, followed, owned, pod


class Queued(Absent):
    """At each look it is in the next of some states, each an application and its driver's pod."""

    def __init__(self, *states: tuple[dict[str, Any], dict[str, Any] | None]) -> None:
        super().__init__()
        self.states = states

    @property
    def at(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return self.states[min(self.asked, len(self.states)) - 1]

    async def application(self, _: str) -> Any:
        self.asked += 1
        return {"metadata": {"uid": "u"}} | self.at[0]

    async def pod(self, _: str) -> Any:
        driver = self.at[1]
        return driver and owned(driver, "u")

    async def events(self, _: str) -> list[Any]:
        return []


def state(name: str, error: str = "", suspend: bool = False) -> dict[str, Any]:
    return {"spec": {"suspend": suspend}, "status": {"applicationState": {"state": name, "errorMessage": error}}}


def unscheduled(reason: str, message: str) -> dict[str, Any]:
    made = pod()
    made["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    ]  # fmt: skip
    return made


FULL = "failed to submit spark application: pods is forbidden: exceeded quota: jobs, used: pods=2, limited: pods=2"
IN_QUEUES = {
    "the namespace's quota is full: exceeded quota: jobs, used: pods=2, limited: pods=2": (
        state("SUBMISSION_FAILED", FULL), None,
    ),
    "it is suspended. It goes on once a person or a queue sets its `suspend` to false": (
        state("", suspend=True), None,
    ),
    "a queue holds the driver's pod back: not admitted": (
        state("SUBMITTED"), unscheduled("SchedulingGated", "not admitted"),
    ),
    "no node has room for the driver: 0/3 nodes": (state("SUBMITTED"), unscheduled("Unschedulable", "0/3 nodes")),
}  # fmt: skip


@pytest.mark.parametrize("queue", IN_QUEUES)
def test_a_job_in_a_queue_waits_longer_than_it_may_take_to_start(queue: str) -> None:
    said: list[str] = []
    cluster = Queued(*[IN_QUEUES[queue]] * 20, (state("COMPLETED"), finished(0)))
    assert followed(cluster, said.append, Patience(queue=10, start=0.2)) == Outcome(0)
    assert said[0] == f"waiting: {queue}"


@pytest.mark.parametrize("queue", [queue for queue in IN_QUEUES if "suspended" not in queue])
def test_a_job_leaves_a_queue_after_its_own_bound_and_is_not_tried_again(queue: str) -> None:
    ended = followed(Queued(IN_QUEUES[queue]), [].append, Patience(queue=0.1, start=10))
    assert ended == Outcome(PERMANENT, f"it waited for 0.1 s: {queue}")


def test_a_job_stays_suspended_until_somebody_resumes_it() -> None:
    [suspended] = [IN_QUEUES[queue] for queue in IN_QUEUES if "suspended" in queue]
    cluster = Queued(*[suspended] * 20, (state("COMPLETED"), finished(0)))
    assert followed(cluster, [].append, Patience(queue=0.1, start=0.1)) == Outcome(0)


def test_the_time_in_a_queue_counts_over_connections_that_break() -> None:
    class Breaking(Queued):
        async def pod(self, name: str) -> Any:
            if self.asked % 3 == 0:
                raise ClusterError("Kubernetes API request failed: no route")
            return await super().pod(name)

    queue = IN_QUEUES["no node has room for the driver: 0/3 nodes"]
    ended = followed(Breaking(*[queue] * 10_000), [].append, Patience(queue=0.3, start=10))
    assert ended.reason.startswith("it waited for 0.3 s")


def test_the_time_to_start_does_not_count_while_the_cluster_is_away() -> None:
    class Away(Queued):
        async def pod(self, name: str) -> Any:
            if 2 <= self.asked <= 4:
                await asyncio.sleep(0.2)
                raise ClusterError("Kubernetes API request failed: no route")
            return await super().pod(name)

    starts = (state("SUBMITTED"), pod(waiting={"reason": "ContainerCreating"}))
    cluster = Away(*[starts] * 6, (state("COMPLETED"), finished(0)))
    assert followed(cluster, [].append, Patience(queue=10, start=0.4)) == Outcome(0)


@pytest.mark.parametrize(
    ("asked", "never"),
    [
        ("requested: limits.cpu=2, used: limits.cpu=3, limited: limits.cpu=4", False),
        ("requested: limits.cpu=500m, used: limits.cpu=1, limited: limits.cpu=1", False),
        ("requested: limits.cpu=4500m, used: limits.cpu=0, limited: limits.cpu=4", True),
        ("requested: limits.memory=2Gi,pods=1, used: limits.memory=1Gi,pods=9, limited: limits.memory=2G,pods=9", True),
        ("requested: pods=1, used: pods=0, limited: pods=0", True),
    ],
)
def test_a_job_that_asks_for_more_than_a_whole_quota_is_refused_at_once(asked: str, never: bool) -> None:
    refused = state("SUBMISSION_FAILED", f"pods is forbidden: exceeded quota: jobs, {asked}")
    expected = Outcome(PERMANENT, f"the size is beyond the namespace's quota: exceeded quota: jobs, {asked}")
    assert diagnosis.ended(None, [], refused) == (expected if never else None)
    assert bool(queued(None, refused)) is not never


def test_a_driver_that_is_left_over_is_waited_for_and_is_not_a_queue() -> None:
    refused = state("SUBMISSION_FAILED", "failed to submit spark application: driver pod already exist")
    assert diagnosis.ended(None, [], refused) is None
    assert queued(None, refused) == ""


def test_a_job_that_is_suspended_between_two_looks_is_not_taken_for_a_lost_one() -> None:
    class Slow(Queued):
        async def pod(self, name: str) -> Any:
            return owned(finished(143), "u") if self.asked == 2 else await super().pod(name)

    runs, suspended = pod(running={"startedAt": "now"}), (state("SUSPENDED", suspend=True), None)
    cluster = Slow((state("RUNNING"), runs), (state("RUNNING"), runs), suspended, (state("COMPLETED"), finished(0)))
    assert followed(cluster, [].append) == Outcome(0)


def test_the_time_to_start_counts_from_the_end_of_the_queue() -> None:
    queue = IN_QUEUES["no node has room for the driver: 0/3 nodes"]
    cluster = Queued(*[queue] * 20, (state("SUBMITTED"), pod(waiting={"reason": "ContainerCreating"})))
    ended = followed(cluster, [].append, Patience(queue=10, start=0.2))
    assert ended == Outcome(RETRYABLE, "it did not start within 0.2 s: the driver's pod starts")
    assert cluster.asked > 20


def test_a_job_that_is_suspended_while_it_runs_goes_on_when_it_is_resumed() -> None:
    runs, suspended = pod(running={"startedAt": "now"}), state("SUSPENDED", suspend=True)
    cluster = Queued(
        (state("RUNNING"), runs), (state("RUNNING"), runs), (state("RUNNING", suspend=True), finished(143)),
        (suspended, None), (state("RESUMING"), None), (state("SUBMITTED"), pod()), (state("COMPLETED"), finished(0)),
    )  # fmt: skip
    said: list[str] = []
    assert followed(cluster, said.append) == Outcome(0)
    assert "waiting: it is suspended. It goes on once a person or a queue sets its `suspend` to false" in said
