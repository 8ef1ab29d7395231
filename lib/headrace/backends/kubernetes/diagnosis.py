"""Why an application did not start, or ended, in one line: from what Kubernetes and the operator say of it.

All of it is plain data as the API server gives it: an application, its driver's and executors' pods, events.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.errors import PERMANENT, RETRYABLE
from headrace.outcome import KILLED, Outcome

Object = Mapping[str, Any]

OUT_OF_MEMORY = "OOMKilled"
HEAP = "OutOfMemoryError"
GIVEN_UP = "Max number of executor failures"  # what Spark's driver says as it ends itself
HEAP_EXIT = 52  # with it Spark's executor ends when the JVM's heap is full
SIGTERM, SIGKILL = KILLED + 15, KILLED + 9
# Spark's words where an executor, or a Python worker in it, is gone; and a rank's.
LOST = re.compile(r"ExecutorLostFailure|worker exited unexpectedly|was lost|OutOfMemoryError")
# What a waiting container does not come out of by itself, unless somebody mends something.
STUCK = {
    "ErrImagePull": "the image is missing or cannot be pulled",
    "ImagePullBackOff": "the image is missing or cannot be pulled",
    "ErrImageNeverPull": "the image is not on the node",
    "InvalidImageName": "the image's name is wrong",
    "CreateContainerConfigError": "something that the pod names is missing",
    "CreateContainerError": "the container cannot be made",
    "RunContainerError": "the container cannot be started",
}
NO_RIGHT = re.compile(r"(?:User )?\"?system:[^\n]*?(?:cannot|is not allowed to) [^\n]*")
# Where to look in what spark-submit says when the API server refuses the driver's pod, most telling first.
REFUSALS = (
    (re.compile(r"violates PodSecurity \"[^\"]*\": [^\n]*"), "pod security refuses the pod", PERMANENT),
    (re.compile(r"exceeded quota: [^\n]*"), "the namespace's quota is full", RETRYABLE),
    (NO_RIGHT, "a right is missing", PERMANENT),
    (re.compile(r"(?:maximum|minimum) \S+ usage per [^\n]*"), "the size is beyond the namespace's limits", PERMANENT),
    (re.compile(r"serviceaccount \"?[^\n]*not found[^\n]*"), "a service account is missing", PERMANENT),
    (re.compile(r"no PriorityClass with name [^\n]*"), "a priority class is missing", PERMANENT),
    (re.compile(r"(?:is invalid: |admission webhook )[^\n]*"), "the API server refuses the pod", PERMANENT),
    (re.compile(r"driver pod already exist"), "the driver of a deleted application is still there", RETRYABLE),
)  # fmt: skip
NOT_SUBMITTED = "failed to submit spark application"  # the operator's words, also after the state went on to FAILED
DEAD_AFTER = dt.timedelta(minutes=1)  # since a pod was to be gone
TOLD = 600  # characters of a message that are worth reading


def submission_failed(message: str) -> Outcome:
    """Why spark-submit, which the operator runs, could not make the driver's pod; its trace is thousands of letters."""
    if why := refusal(message):
        return why
    causes = [line for line in message.splitlines() if "Caused by:" in line or "Exception" in line] or [message]
    return Outcome(RETRYABLE, f"the operator could not submit it: {_short(causes[-1])}")


def refusal(text: str) -> Outcome | None:
    """Why the API server refused a pod, where a text tells of that."""
    for pattern, meaning, code in REFUSALS:
        if found := pattern.search(text):
            return Outcome(code, f"{meaning}: {_short(found[0])}")
    return None


def without_executors(refused: Outcome | None) -> Outcome:
    """Why Spark gave its executors up; ``refused`` is what its log tells of those that could not be made."""
    if refused is None:
        return Outcome(RETRYABLE, "executors ended or were lost more often than Spark makes new ones")
    return Outcome(refused.code, f"its executors could not be made: {refused.reason}")


def stuck(pod: Object) -> str:
    """What keeps a pod's container from starting, if it does not come out of it by itself; else empty."""
    for status in pod.get("status", {}).get("containerStatuses") or []:
        waiting = status.get("state", {}).get("waiting") or {}
        if waiting.get("reason") in STUCK:
            image = f" {status.get('image', '')}" if "image" in STUCK[waiting["reason"]] else ""
            said = waiting.get("message") or waiting["reason"]
            return f"{STUCK[waiting['reason']]}:{image} ({_short(said)})"
    return ""


def waits_for(pod: Object | None, application: Object, events: Sequence[Object] = ()) -> str:
    """What an application that has not started waits for, as far as it is told."""
    if pod is None:
        state = state_of(application) or "new"
        said = f"; {_short(events[-1].get('message') or '')}" if events else ""
        return f"the operator has not made the driver's pod (the application is {state}){said}"
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"no node has room for the driver: {_short(condition.get('message') or '')}"
    if pulling := stuck(pod):
        return pulling
    warned = [e for e in events if e.get("type") == "Warning"]
    return f"the driver's pod starts{': ' + _short(warned[-1].get('message') or '') if warned else ''}"


def ended(driver: Object | None, executors: Iterable[Object], application: Object | None) -> Outcome | None:
    """How an application ended; None while it goes on. ``results`` are not known here, nor the reason of a driver that
    gave none."""
    end = _terminated(driver) if driver else None
    if end is None:
        return _on_a_dead_node(driver) or _without_driver(driver, application)
    code, message = int(end["exitCode"]), (end.get("message") or "").strip()
    if code == 0:
        return Outcome(0)
    if end.get("reason") == OUT_OF_MEMORY or (code == SIGKILL and not message):
        return _killed(driver or {}, end)
    if code == SIGTERM:  # whatever the job made of that
        return Outcome(RETRYABLE, f"the driver's pod is gone (exit code {code}): deleted, or its node drained")
    return _failed(list(executors), code, message)


def _failed(executors: Sequence[Object], code: int, message: str) -> Outcome:
    """How a driver ended that left a message: what lies behind the message, or just that."""
    if HEAP in message and "executor" not in message:
        return Outcome(PERMANENT, f"the driver's heap is full: {_short(message)}. Raise `driver.memory` of its size")
    if cause := _lost_executor(executors, message):
        return cause
    if refused := NO_RIGHT.search(message):
        return Outcome(PERMANENT, f"a right is missing: {_short(refused[0])}")
    return Outcome(code, message)


def belongs(pod: Object, uid: str) -> bool:
    """Whether the pod is of the application with this uid, and not of another that had the name."""
    return any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences") or [])


def state_of(application: Object | None) -> str:
    state = ((application or {}).get("status") or {}).get("applicationState") or {}
    return str(state.get("state") or "")


def error_of(application: Object | None) -> str:
    state = ((application or {}).get("status") or {}).get("applicationState") or {}
    return str(state.get("errorMessage") or "")


def running(pod: Object | None) -> bool:
    """Whether the pod's container has started, be it that it has ended since."""
    statuses = ((pod or {}).get("status") or {}).get("containerStatuses") or []
    return any(s.get("state", {}).get("running") or s.get("state", {}).get("terminated") for s in statuses)


def finished(pod: Object | None) -> bool:
    """Whether the pod's container has ended, or the pod is gone."""
    return pod is None or _terminated(pod) is not None


def _terminated(pod: Object) -> dict[str, Any] | None:
    status = pod.get("status", {})
    ends = [each.get("state", {}).get("terminated") for each in status.get("containerStatuses") or []]
    # What the cluster ended, or whose node is gone, has a reason of its own beside its container's.
    if status.get("phase") == "Failed" and (status.get("reason") or not any(ends)):
        return {"exitCode": RETRYABLE, "message": _evicted(pod)}
    return next((dict(end) for end in ends if end), None)


def _evicted(pod: Object) -> str:
    status = pod["status"]
    return f"the driver's pod was ended by the cluster ({status.get('reason')}): {_short(status.get('message') or '')}"


def _on_a_dead_node(driver: Object | None) -> Outcome | None:
    """A pod whose node is gone never ends: nobody says so of its container."""
    until = ((driver or {}).get("metadata") or {}).get("deletionTimestamp")
    if not until or dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(until) < DEAD_AFTER:
        return None
    return Outcome(RETRYABLE, f"the driver's node does not answer: its pod was to be gone by {until}")


def _without_driver(driver: Object | None, application: Object | None) -> Outcome | None:
    if application is None:
        return Outcome(RETRYABLE, "the application was deleted by somebody else while it was followed")
    state = state_of(application)
    if state == "SUBMISSION_FAILED" or (driver is None and error_of(application).startswith(NOT_SUBMITTED)):
        return submission_failed(error_of(application))
    if driver is None and state == "COMPLETED":
        return Outcome(0)
    if driver is None and state in ("FAILED", "FAILING"):
        return Outcome(
            RETRYABLE, f"the driver's pod is gone ({error_of(application) or state}): deleted, or its node lost"
        )
    return None


def _killed(pod: Object, end: Object) -> Outcome:
    limit = _limit(pod)
    if end.get("reason") == OUT_OF_MEMORY:
        return Outcome(
            PERMANENT,
            f"the driver ran out of memory: its container reached its limit of {limit}. The JVM's heap has a bound of"
            " its own, so what lies beside it (Python) grew: raise `driver.overhead` of its size",
        )
    return Outcome(RETRYABLE, f"the driver was killed (exit code {end['exitCode']})")


def _lost_executor(executors: Sequence[Object], message: str) -> Outcome | None:
    """The reason behind a job that failed as it lost executors: out of memory comes before all else."""
    if not LOST.search(message):
        return None
    for pod in executors:
        end = _terminated(pod) or {}
        name = pod["metadata"]["name"].rpartition("-exec-")[2]
        if end.get("reason") == OUT_OF_MEMORY:
            return Outcome(
                PERMANENT,
                f"executor {name} ran out of memory: its container reached its limit of {_limit(pod)}. The JVM's heap"
                " has a bound of its own, so its Python workers grew: raise `executor.overhead` of its size."
                f" The job said: {_short(message)}",
            )
        if end.get("exitCode") == HEAP_EXIT:
            return Outcome(
                PERMANENT, f"executor {name}'s heap is full ({_short(message)}): raise `executor.memory` of its size"
            )
    if HEAP in message:
        return Outcome(
            PERMANENT, f"an executor's heap is full ({_short(message)}): raise `executor.memory` of its size"
        )
    if "ExecutorLostFailure" in message:
        return Outcome(RETRYABLE, f"executors were lost: {_short(message)}")
    return None


def _limit(pod: Object) -> str:
    for container in pod.get("spec", {}).get("containers") or []:
        if limit := (container.get("resources", {}).get("limits") or {}).get("memory"):
            return str(limit)
    return "unknown"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TOLD else f"{text[:TOLD]} ..."
