"""Why an application did not start, or how it ended, in one line.

Everything is worked out from plain objects of the API server: an application, its driver's and executors' pods, events.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from headrace.backends.kubernetes import queues
from headrace.backends.kubernetes.objects import (
    Object,
    error_of,
    memory_limit,
    shortened,
    state_of,
    suspended,
    termination,
)
from headrace.errors import OUT_OF_MEMORY, PERMANENT, RETRYABLE
from headrace.outcome import HEAP_EXIT, KILLED, OUT_OF_MEMORY_SAID, Outcome

OOM_KILLED = "OOMKilled"
HEAP = "OutOfMemoryError"
GIVEN_UP = "Max number of executor failures"  # Spark's driver logs this when it ends itself
SIGTERM, SIGKILL = KILLED + 15, KILLED + 9
# How Spark, or a training, reports that an executor, a Python worker in it, or a rank is gone.
LOST = re.compile(r"ExecutorLostFailure|worker exited unexpectedly|was lost|lost with|OutOfMemoryError")
# Reasons for which a container waits until a person corrects something.
STUCK = {
    "ErrImagePull": "the image is missing or cannot be pulled",
    "ImagePullBackOff": "the image is missing or cannot be pulled",
    "ErrImageNeverPull": "the image is not on the node",
    "InvalidImageName": "the image's name is wrong",
    "CreateContainerConfigError": "something that the pod names is missing",
    "CreateContainerError": "the container cannot be created",
    "RunContainerError": "the container cannot be started",
}
NO_PERMISSION = re.compile(r"(?:User )?\"?system:[^\n]*?(?:cannot|is not allowed to) [^\n]*")
# What spark-submit prints if the API server refuses the driver's pod; the most precise pattern comes first.
REFUSALS = (
    (re.compile(r"violates PodSecurity \"[^\"]*\": [^\n]*"), "pod security refuses the pod", PERMANENT),
    (queues.QUOTA, queues.FULL, RETRYABLE),
    (NO_PERMISSION, "a permission is missing", PERMANENT),
    (re.compile(r"(?:maximum|minimum) \S+ usage per [^\n]*"), "the size is beyond the namespace's limits", PERMANENT),
    (re.compile(r"serviceaccount \"?[^\n]*not found[^\n]*"), "a service account is missing", PERMANENT),
    (re.compile(r"no PriorityClass with name [^\n]*"), "a priority class is missing", PERMANENT),
    (re.compile(r"(?:is invalid: |admission webhook )[^\n]*"), "the API server refuses the pod", PERMANENT),
    (queues.LEFT_OVER, "the driver of a deleted application still exists", RETRYABLE),
)  # fmt: skip
NOT_SUBMITTED = "failed to submit spark application"  # the operator's message; it stays when the state becomes FAILED
DEAD_AFTER = dt.timedelta(minutes=1)  # after the time at which a pod should have been gone
HEAP_IS_LIMITED = "The JVM's heap has its own limit"


def submission_failed(message: str) -> Outcome:
    """Why the operator's spark-submit could not create the driver's pod. ``message`` is spark-submit's long trace."""
    if refused := refusal(message):
        return refused
    causes = [line for line in message.splitlines() if "Caused by:" in line or "Exception" in line] or [message]
    return Outcome(RETRYABLE, f"the operator could not submit it: {shortened(causes[-1])}")


def refusal(text: str) -> Outcome | None:
    """Why the API server refused a pod; None if the text does not report a refusal."""
    for pattern, meaning, code in REFUSALS:
        if found := pattern.search(text):
            if queues.never_fits(found[0]):
                return Outcome(PERMANENT, f"the size is beyond the namespace's quota: {shortened(found[0])}")
            return Outcome(code, f"{meaning}: {shortened(found[0])}")
    return None


def without_executors(refused: Outcome | None) -> Outcome:
    """Why Spark stopped creating executors. ``refused`` is why the API server refused some, as Spark's log reports."""
    if refused is None:
        return Outcome(RETRYABLE, "executors ended or were lost more often than Spark makes new ones")
    return Outcome(refused.code, f"its executors could not be made: {refused.reason}")


def stuck(pod: Object) -> str:
    """What keeps a pod's container from starting until a person corrects it; empty if nothing does."""
    for status in pod.get("status", {}).get("containerStatuses") or []:
        waiting = status.get("state", {}).get("waiting") or {}
        if meaning := STUCK.get(waiting.get("reason", "")):
            image = f" {status.get('image', '')}" if "image" in meaning else ""
            return f"{meaning}:{image} ({shortened(waiting.get('message') or waiting['reason'])})"
    return ""


def waits_for(pod: Object | None, application: Object, events: Sequence[Object] = ()) -> str:
    """What an application that has not started waits for, as far as the objects show it."""
    if queue := queues.queued(pod, application):
        return queue
    if pod is None:
        state = state_of(application) or "new"
        last_event = f"; {shortened(events[-1].get('message') or '')}" if events else ""
        return f"the operator has not made the driver's pod (the application is {state}){last_event}"
    if reason := stuck(pod):
        return reason
    warnings = [event for event in events if event.get("type") == "Warning"]
    return f"the driver's pod starts{': ' + shortened(warnings[-1].get('message') or '') if warnings else ''}"


def ended(driver: Object | None, executors: Iterable[Object], application: Object | None) -> Outcome | None:
    """How an application ended; None while it has not ended, or is suspended.

    The outcome has no results. Its reason is empty if the driver left none.
    """
    end = termination(driver) if driver else None
    if end is not None and end["exitCode"] == 0:
        return Outcome(0)
    if suspended(application):  # the operator deletes the driver
        return _on_dead_node(driver)
    if driver is None or end is None:
        return _on_dead_node(driver) or _without_driver(driver, application)
    return _failed(driver, end, list(executors))


def _failed(driver: Object, end: Object, executors: Sequence[Object]) -> Outcome:
    """How a driver failed."""
    code, message = int(end["exitCode"]), (end.get("message") or "").strip()
    if end.get("reason") == OOM_KILLED:
        what = f"the driver ran out of memory: its container reached its limit of {memory_limit(driver)}"
        remedy = f"{HEAP_IS_LIMITED}, so the Python processes beside it grew: raise `driver.overhead` of its size"
        return Outcome(OUT_OF_MEMORY, f"{what}. {remedy}")
    if code == SIGKILL and not message:
        return Outcome(RETRYABLE, f"the driver was killed (exit code {code})")
    if code == SIGTERM:  # whatever message the job left
        return Outcome(RETRYABLE, f"the driver's pod is gone (exit code {code}): deleted, or its node drained")
    return _with_message(executors, code, message)


def _with_message(executors: Sequence[Object], code: int, message: str) -> Outcome:
    """How a driver ended that left a message: the cause behind the message, or else the message itself."""
    if message.startswith(OUT_OF_MEMORY_SAID):  # it names what the job had, and which setting to change
        return Outcome(OUT_OF_MEMORY, message)
    if code == HEAP_EXIT or (HEAP in message and "executor" not in message):
        what = f"the driver's heap is full: {shortened(message) or f'exit code {code}'}"
        return Outcome(OUT_OF_MEMORY, f"{what}. Raise `driver.memory` of its size")
    if LOST.search(message) and (cause := _lost_executor(executors, message)):
        return cause
    if refused := NO_PERMISSION.search(message):
        return Outcome(PERMANENT, f"a permission is missing: {shortened(refused[0])}")
    return Outcome(code, message)


def _lost_executor(executors: Sequence[Object], message: str) -> Outcome | None:
    """The cause of a job that failed because it lost executors; memory that ran out comes before any other cause."""
    full_heap = f"heap is full ({shortened(message)}): raise `executor.memory` of its size"
    for pod in executors:
        end = termination(pod) or {}
        name = pod["metadata"]["name"].rpartition("-exec-")[2]
        if end.get("reason") == OOM_KILLED:
            what = f"executor {name} ran out of memory: its container reached its limit of {memory_limit(pod)}"
            remedy = f"{HEAP_IS_LIMITED}, so its Python workers grew: raise `executor.overhead` of its size"
            return Outcome(OUT_OF_MEMORY, f"{what}. {remedy}. The job said: {shortened(message)}")
        if end.get("exitCode") == HEAP_EXIT:
            return Outcome(OUT_OF_MEMORY, f"executor {name}'s {full_heap}")
    if HEAP in message:
        return Outcome(OUT_OF_MEMORY, f"an executor's {full_heap}")
    if "ExecutorLostFailure" in message:
        return Outcome(RETRYABLE, f"executors were lost: {shortened(message)}")
    return None


def _on_dead_node(driver: Object | None) -> Outcome | None:
    """How a driver ended whose node is gone: its container's status never changes, so only the time shows it."""
    deadline = ((driver or {}).get("metadata") or {}).get("deletionTimestamp")
    if not deadline or dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(deadline) < DEAD_AFTER:
        return None
    return Outcome(RETRYABLE, f"the driver's node does not answer: its pod should have been gone by {deadline}")


def _without_driver(driver: Object | None, application: Object | None) -> Outcome | None:
    """How an application ended, by its state alone: its driver's pod is missing, or has not ended."""
    if application is None:
        return Outcome(RETRYABLE, "the application was deleted by somebody else while it was followed")
    state, error = state_of(application), error_of(application)
    if driver is None and (state == queues.SUBMISSION_FAILED or error.startswith(NOT_SUBMITTED)):
        return None if queues.submitted_again(application) else submission_failed(error)
    if driver is None and state == "COMPLETED":
        return Outcome(0)
    if driver is None and state in ("FAILED", "FAILING"):
        return Outcome(RETRYABLE, f"the driver's pod is gone ({error or state}): deleted, or its node lost")
    return None
