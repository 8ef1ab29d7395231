"""The parts of the Kubernetes backend that need no cluster: names, sizes, manifests, and the diagnosis of failures."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from headrace import config as configuration
from headrace.backends.kubernetes import diagnosis, follow, lifecycle, lines, names, retry
from headrace.backends.kubernetes.backend import KubernetesBackend
from headrace.backends.kubernetes.manifest import CLEARS, DIGEST, manifest
from headrace.commands import Build, Combined, Job, Land, Score
from headrace.config import Config
from headrace.errors import (
    OUT_OF_MEMORY,
    PERMANENT,
    RETRYABLE,
    ArgumentsError,
    ClusterError,
    ClusterRefusedError,
    ConfigError,
    NotPermittedError,
)
from headrace.outcome import Outcome
from headrace.sizing.sizes import bytes_of, size_of
from kubernetes_asyncio.client import ApiException

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(scope="module")
def config() -> Config:
    return configuration.load("staging", CONF)


def application(config: Config, table: str = "flights.features") -> Any:
    identity = names.of_task("flights_daily", "build", "run 1", -1)
    return manifest(config, identity, Job.of(Build(table, "2013-12-01")))


@pytest.mark.parametrize(
    ("dag", "task"),
    [
        ("flights_daily", "build"),
        ("d" * 200, "t" * 200),
        ("9lives.of.cats", "group.task-1"),
        ("__", "--"),
        ("Flüge", "täglich"),
    ],
)
def test_a_name_is_one_that_kubernetes_and_spark_take(dag: str, task: str) -> None:
    name = names.of_task(dag, task, "scheduled__2013-12-01T06:00:00+00:00", -1).name
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    assert len(f"{name}-{'0' * 16}-exec-99") <= 63
    assert len(names.driver_of(name)) <= 63


def test_two_task_instances_have_two_names() -> None:
    ours = ("flights_daily", "build", "run 1", -1)
    others = [
        ("flights_daily", "build", "run 2", -1),
        ("flights_daily", "build", "run 1", 0),
        ("flights_daily_build", "", "run 1", -1),
        ("flights", "daily_build", "run 1", -1),
    ]
    assert names.of_task(*ours).name == names.of_task(*ours).name
    assert len({names.of_task(*task).name for task in [ours, *others]}) == 5


def test_the_same_command_by_hand_has_the_same_name_and_anything_else_has_another() -> None:
    def name(job: Job, root: str = "s3://lake", image: str = "jobs:1") -> str:
        return names.by_hand(job, root, image).name

    build = Job.of(Build("flights.legs", "2013-12-01"))
    assert name(build).startswith("build-")
    assert name(Job.of_file("jobs/build.py", ["flights.legs", "--days", "2013-12-01"])) == name(build)
    others = [Build("flights.legs", "2013-12-02"), Build("flights.legs", "2013-12-01", catch_up=True)]
    of_others = [name(Job.of(command)) for command in others]
    assert len({name(build), *of_others, name(build, root="s3://other"), name(build, image="jobs:2")}) == 5


def test_labels_hold_what_kubernetes_takes() -> None:
    assert names.label("a b/c:d" + "x" * 100 + "-") == "a-b-c-d" + "x" * 56
    assert names.label("..x..") == "x"


def test_an_application_of_several_stages_is_given_enough_for_each(config: Config) -> None:
    combined = Combined((Land("2013-12-01"), Build("t", "2013-12-01"), Score("m", "2013-12-01")))
    given = size_of(config, Job.of(combined))
    assert size_of(config, Job.of_file(combined.file, combined.to_argv())) == given
    assert (given.driver.memory, given.driver.overhead) == ("1500m", "1g")
    assert (given.executor.memory, given.executor.overhead, given.executor.cores) == ("1500m", "1500m", 2)
    assert given.executors == 1


def test_a_stage_gets_its_size_and_a_file_that_is_not_a_stage_the_default(config: Config) -> None:
    assert size_of(config, Job.of(Build("t", "2013-12-01"))).executor == config.sizes["build"].executor
    assert size_of(config, Job.of_file("jobs/export_scores.py")) == config.sizes["default"]
    assert size_of(config, Job.of_file("jobs/export_scores.py", size="train")) == config.sizes["train"]


def test_a_size_that_nobody_declared_is_refused_with_the_nearest(config: Config) -> None:
    with pytest.raises(ConfigError, match=r"no size is called 'trains' in conf/staging.yaml. Did you mean 'train'\?"):
        size_of(config, Job.of_file("jobs/train.py", size="trains"))
    with pytest.raises(ArgumentsError, match=r"jobs/run\.py is missing the name of a stage"):
        size_of(config, Job.of_file("jobs/run.py"))


def test_another_argument_is_another_specification(config: Config) -> None:
    digest = application(config)["metadata"]["annotations"][DIGEST]
    assert application(config)["metadata"]["annotations"][DIGEST] == digest
    assert application(config, "flights.legs")["metadata"]["annotations"][DIGEST] != digest


def test_the_image_in_the_environment_overrides_the_configured_one(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_IMAGE", "example.org/jobs:42")
    assert application(config)["spec"]["image"] == "example.org/jobs:42"


def test_pods_satisfy_the_restricted_standard(config: Config) -> None:
    for role in ("driver", "executor"):
        pod = application(config)["spec"][role]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        context = pod["containers"][0]["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
    assert application(config)["spec"]["executor"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_a_manifest_names_secrets_and_holds_none(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, f"secret-of-{name}")
    text = json.dumps(application(config))
    assert "secret-of-" not in text
    container = application(config)["spec"]["driver"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "headrace-s3"}}]


def test_memory_is_read_as_spark_writes_it() -> None:
    assert (bytes_of("512m"), bytes_of("2g")) == (2**29, 2**31)


# What the operator 2.4.0 and Kubernetes 1.34 said, shortened in the middle.
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
    for state in ("SUBMISSION_FAILED", "FAILED"):  # the operator goes from the one to the other at once
        refused = {"status": {"applicationState": {"state": state, "errorMessage": trace}}}
        assert diagnosis.ended(None, [], refused) == Outcome(*REFUSED[said])


def pod(name: str = "x-driver", limit: str = "2Gi", **state: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"resources": {"limits": {"memory": limit}}}]},
        "status": {"phase": "Running", "containerStatuses": [{"image": "jobs:1", "state": state}]},
    }


def finished(code: int, reason: str = "Error", message: str = "", name: str = "x-driver") -> dict[str, Any]:
    return pod(name, terminated={"exitCode": code, "reason": reason, "message": message})


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


def test_executors_lost_without_a_fault_of_the_job_are_retryable() -> None:
    lost = finished(65, message="SparkException: ExecutorLostFailure (executor 1 exited)")
    ended = diagnosis.ended(lost, [finished(143, name="x-exec-1")], {})
    assert ended == Outcome(
        RETRYABLE, f"executors were lost: {'SparkException: ExecutorLostFailure (executor 1 exited)'}"
    )


def owned(pod: dict[str, Any], uid: str) -> dict[str, Any]:
    pod["metadata"]["ownerReferences"] = [{"kind": "SparkApplication", "uid": uid}]
    return pod


class Absent:
    """A cluster that does not answer at first, and then has a driver that ended without a reason."""

    def __init__(self) -> None:
        self.asked = 0

    async def application(self, _: str) -> Any:
        self.asked += 1
        if self.asked in (1, 3):
            raise ClusterError("Kubernetes API request failed: no route", "Try again")
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "RUNNING"}}}

    async def pod(self, _: str) -> Any:
        return owned(finished(1), "u")

    async def pods(self, _: str) -> list[Any]:
        return []

    async def log(self, _: str) -> AsyncIterator[bytes]:
        yield b"2026-11-26T15:00:00Z FileNotFoundError: no rates.csv"


def followed(cluster: Absent, log: Callable[[str], None]) -> Outcome:
    return asyncio.run(follow.follow(lambda: nullcontext(cluster), "name", "u", 10, log))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def without_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(follow, "START_POLL_SECONDS", 0.01)
    monkeypatch.setattr(lines, "AGAIN_SECONDS", 0.01)


def test_a_job_is_followed_again_after_its_cluster_was_away_and_its_last_line_is_the_reason() -> None:
    lines: list[str] = []
    ended = followed(Absent(), lines.append)
    assert ended == Outcome(1, "exit code 1; its last line was: FileNotFoundError: no rates.csv")
    assert [line for line in lines if line.startswith("connection to the cluster lost")] == [lines[0]] * 2
    assert lines[-1] == "FileNotFoundError: no rates.csv"


class Restarted(Absent):
    """After the first look it does not know accounts and permissions for a while, as after a restart."""

    def __init__(self, refusals: int, shown_before: int = 1) -> None:
        super().__init__()
        self.refused = range(shown_before + 1, shown_before + 1 + refusals)

    async def application(self, _: str) -> Any:
        self.asked += 1
        if self.asked in self.refused:
            raise NotPermittedError("the Kubernetes API refuses the request: sparkapplications is forbidden")
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "RUNNING"}}}

    async def pod(self, _: str) -> Any:
        driver = finished(0) if self.asked > self.refused.stop else pod(running={"startedAt": "now"})
        return owned(driver, "u")


def test_a_job_is_waited_for_while_the_cluster_refuses_to_show_it() -> None:
    for cluster in (Restarted(refusals=3), Restarted(refusals=3, shown_before=0)):
        said: list[str] = []
        assert followed(cluster, said.append) == Outcome(0)
        [told] = [line for line in said if line.startswith("connection to the cluster lost")]  # once
        assert told.endswith("sparkapplications is forbidden")


def test_a_refusal_that_lasts_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "REFUSED_SECONDS", 0.2)
    monkeypatch.setattr(follow, "UNSEEN_SECONDS", 0.2)
    for shown_before in (0, 1):
        with pytest.raises(NotPermittedError, match="sparkapplications is forbidden"):
            followed(Restarted(refusals=10_000, shown_before=shown_before), [].append)


class Away(Restarted):
    """It cannot be reached for long, and then refuses once."""

    async def application(self, name: str) -> Any:
        if self.asked < 8:
            self.asked += 1
            raise ClusterError("Kubernetes API request failed: no route")
        return await super().application(name)


def test_the_first_refusal_after_a_long_outage_is_not_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "UNSEEN_SECONDS", 0.05)
    assert followed(Away(refusals=1, shown_before=8), [].append) == Outcome(0)


class Forbidding(Absent):
    """Its executors and events may not be seen."""

    async def application(self, _: str) -> Any:
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "RUNNING"}}}

    async def pods(self, _: str) -> list[Any]:
        raise NotPermittedError("the Kubernetes API refuses the request: pods is forbidden")


def test_what_only_makes_a_reason_more_precise_may_be_forbidden() -> None:
    assert followed(Forbidding(), [].append).reason.endswith("FileNotFoundError: no rates.csv")


class Talking(Absent):
    """Its driver's log comes in several connections. A connection that has OSError in it breaks there.

    The driver has ended once so many connections have begun.
    """

    def __init__(self, *connections: list[Any], ends_after: int | None = None, pause: float = 0) -> None:
        super().__init__()
        self.connections, self.pause, self.begun = connections, pause, 0
        self.ends_after = len(connections) if ends_after is None else ends_after

    async def application(self, _: str) -> Any:
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "RUNNING"}}}

    async def pod(self, _: str) -> Any:
        return owned(finished(0) if self.begun >= self.ends_after else pod(running={"startedAt": "now"}), "u")

    async def log(self, _: str) -> AsyncIterator[bytes]:
        self.begun += 1
        for line in self.connections[min(self.begun, len(self.connections)) - 1]:
            await asyncio.sleep(self.pause)
            if line is OSError:
                raise OSError("connection reset by peer")
            yield line


def shown(cluster: Talking) -> list[str]:
    found: list[str] = []
    assert followed(cluster, found.append) == Outcome(0)  # type: ignore[arg-type]
    return found


def test_lines_of_two_streams_whose_times_are_not_in_order_are_all_shown() -> None:
    assert shown(Talking([b"2 second", b"1 first", b"1 also", b"3 third"])) == ["second", "first", "also", "third"]


def test_a_log_that_begins_again_with_its_first_line_shows_only_what_is_new() -> None:
    again = [b"2 second", b"1 first", b"1 late", b"3 third"]
    assert shown(Talking(again[:2], again)) == ["second", "first", "late", "third"]


def test_the_log_of_a_job_that_ended_before_anybody_looked_is_shown() -> None:
    assert shown(Talking([b"1 first", b"2 second"], ends_after=0)) == ["first", "second"]


def test_the_end_of_a_log_is_read_again_if_the_connection_broke_as_the_driver_ended() -> None:
    whole = [b"1 first", b"2 the error"]
    assert shown(Talking([b"1 first", OSError], whole, ends_after=1)) == ["first", "the error"]


def test_a_line_of_the_node_without_a_time_is_shown_whole_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "KEPT_LINES", 2)
    log = [b"failed to create watcher: too many open files", b"1 first", b"2 second", b"3 third"]
    expected = ["failed to create watcher: too many open files", "first", "second", "third", "fourth"]
    assert shown(Talking(log, [*log[1:], b"4 fourth"])) == expected


def test_a_log_that_cannot_be_read_does_not_hold_the_outcome_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SETTLE_SECONDS", 0.2)
    assert shown(Talking([OSError], ends_after=0)) == []


class Replaced(Talking):
    """Somebody deleted the application; another one has its name."""

    async def application(self, _: str) -> Any:
        return {"metadata": {"uid": "another"}}

    async def pod(self, _: str) -> Any:
        return owned(finished(0), "another")


def test_the_log_of_another_application_of_the_same_name_is_not_shown() -> None:
    said: list[str] = []
    assert "deleted by somebody else" in followed(Replaced([b"1 a line of another application"]), said.append).reason
    assert not [line for line in said if "of another application" in line]


def test_a_long_log_is_shown_to_its_end_as_long_as_lines_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SETTLE_SECONDS", 0.2)
    log = [f"{number} line {number}".encode() for number in range(30)]
    assert shown(Talking(log, pause=0.02, ends_after=0)) == [f"line {number}" for number in range(30)]


def test_a_log_longer_than_what_is_remembered_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "KEPT_LINES", 10)
    log = [f"{number:03} line {number}".encode() for number in range(40)]
    assert shown(Talking(log[:30], log)) == [f"line {number}" for number in range(40)]


class Expired:
    """A client whose token has expired. The first logins fail."""

    def __init__(self, failures: int) -> None:
        self.failures, self.client, self.requests = failures, SimpleNamespace(configuration="old"), 0

    async def login(self) -> str:
        if self.failures:
            self.failures -= 1
            raise FileNotFoundError("the cloud's plugin is being updated")
        return "new"

    @retry.patient
    async def ask(self) -> str:
        self.requests += 1
        if self.client.configuration == "old":
            raise ApiException(status=401, reason="Unauthorized")
        return "answer"


def test_a_login_that_fails_is_tried_again_like_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE_SECONDS", 0.01)
    cluster = Expired(failures=3)
    assert asyncio.run(cluster.ask()) == "answer"  # type: ignore[arg-type]
    assert cluster.requests == 5


def test_a_login_that_keeps_failing_is_told_and_the_job_may_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(ClusterError, match="the login to the cluster failed: FileNotFoundError: the cloud's plugin"):
        asyncio.run(Expired(failures=1000).ask())  # type: ignore[arg-type]


class WithoutLog(Absent):
    """Its driver's log may not be read. At first, the driver of an earlier application is still ending."""

    async def application(self, _: str) -> Any:
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "SUBMITTED"}}}

    async def pod(self, _: str) -> Any:
        self.asked += 1
        return owned(finished(143), "earlier") if self.asked < 3 else owned(finished(1), "u")

    async def log(self, _: str) -> AsyncIterator[bytes]:
        raise ClusterRefusedError("the cluster refuses: pods/log is forbidden", "See docs/deploy.md")
        yield b""  # type: ignore[unreachable]  # it makes this a generator


def test_a_refused_log_is_reported_once_and_is_not_taken_for_the_jobs_last_line() -> None:
    lines: list[str] = []
    ended = followed(WithoutLog(), lines.append)
    assert ended == Outcome(1, "exit code 1")  # and not 143, which was the earlier driver's
    refused = "the driver's log cannot be read: the cluster refuses: pods/log is forbidden. See docs/deploy.md"
    assert lines.count(refused) == 1


class WithoutRoom(WithoutLog):
    """Its driver gave up because it could not start executors."""

    async def pod(self, _: str) -> Any:
        return owned(finished(11, message="SparkException: SparkContext was shut down"), "u")

    async def log(self, _: str) -> AsyncIterator[bytes]:
        yield b'1 Message: pods "x-exec-1" is forbidden: exceeded quota: jobs, used: pods=2, limited: pods=2'
        yield b"2 ERROR ExecutorPodsLifecycleManager: Max number of executor failures (60) reached"


def test_a_driver_that_could_not_start_executors_ends_with_the_reason_that_they_were_refused() -> None:
    ended = followed(WithoutRoom(), [].append)
    refused = "the namespace's quota is full: exceeded quota: jobs, used: pods=2, limited: pods=2"
    assert ended == Outcome(RETRYABLE, f"its executors could not be made: {refused}")


class Holding:
    """A cluster with an application, for the tries of a task that was cleared so often."""

    def __init__(self, clears: str | None, state: str) -> None:
        annotations = {DIGEST: "d"} | ({CLEARS: clears} if clears else {})
        self.held: Any = {
            "metadata": {"name": "a", "uid": "old", "annotations": annotations},
            "status": {"applicationState": {"state": state}},
        }

    async def application(self, _: str) -> Any:
        return self.held

    async def pod(self, _: str) -> Any:
        return None

    async def delete(self, _name: str, _uid: str) -> None:
        self.held = None

    async def create(self, manifest: Any) -> Any:
        self.held = {"metadata": {**manifest["metadata"], "uid": "new"}}
        return self.held


@pytest.mark.parametrize(
    ("state", "before", "now", "uid"),
    [
        ("COMPLETED", "4", "4", "old"),  # the next try
        ("COMPLETED", "4", "9", "new"),  # a person cleared the task
        ("COMPLETED", None, None, "new"),  # by hand
        ("FAILED", "4", "4", "new"),
        ("RUNNING", "4", "4", "old"),
        ("RUNNING", None, None, "old"),
        ("RUNNING", "4", "9", "new"),
    ],
)
def test_an_application_is_joined_by_the_tries_that_it_belongs_to(
    state: str, before: str | None, now: str | None, uid: str
) -> None:
    described = {"metadata": {"name": "a", "annotations": {DIGEST: "d"} | ({CLEARS: now} if now else {})}}
    assert asyncio.run(lifecycle.own(Holding(before, state), described)).uid == uid  # type: ignore[arg-type]


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


def test_a_message_that_only_sounds_like_a_missing_permission_is_left_as_it_is() -> None:
    said = "SparkException: User defined function (f) cannot take null"
    assert diagnosis.ended(finished(75, message=said), [], {}) == Outcome(75, said)


def test_a_file_that_is_not_a_stage_gets_the_size_that_is_called_like_it(config: Config) -> None:
    own = config.sizes["default"].model_copy(update={"reason": "it exports"})
    sized = config.model_copy(update={"sizes": {**config.sizes, "export_scores": own}})
    assert size_of(sized, Job.of_file("jobs/export_scores.py")) == own
    assert size_of(sized, Job.of_file("./jobs/build.py")) == config.sizes["build"]


def test_a_job_that_is_cancelled_before_it_starts_makes_no_application(config: Config) -> None:
    asked: list[object] = []

    @asynccontextmanager
    async def connect(_config: Config) -> AsyncIterator[object]:
        asked.append("connected")
        yield None  # any use of it fails

    backend = KubernetesBackend(config, connect)
    backend.cancel()
    outcome = backend.run(Job.of_file("jobs/build.py", ["flights.legs"]), asked.append)
    assert (outcome.code, outcome.reason) == (RETRYABLE, "cancelled before it was submitted")
    assert asked == ["connected"]
