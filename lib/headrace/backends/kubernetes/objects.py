"""Questions about applications and pods, answered from the plain objects of the API server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.errors import RETRYABLE

Object = Mapping[str, Any]

SUSPENDED = ("SUSPENDING", "SUSPENDED", "RESUMING")  # states of the operator, as the next ones
ENDED = ("COMPLETED", "FAILED")
MAX_SHOWN = 600  # the most characters of a message that a reason quotes


def belongs(pod: Object, uid: str) -> bool:
    """Whether the application with this uid owns the pod; an earlier application may have had the same name."""
    return any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences") or [])


def state_of(application: Object | None) -> str:
    """The operator's state of an application, such as RUNNING; empty while it has none."""
    return str(_application_state(application).get("state") or "")


def error_of(application: Object | None) -> str:
    """The operator's error message about an application; empty if it has none."""
    return str(_application_state(application).get("errorMessage") or "")


def suspended(application: Object | None) -> bool:
    """Whether somebody has suspended the application; the operator then deletes its pods, and makes new ones later."""
    state = state_of(application)
    asked = bool(((application or {}).get("spec") or {}).get("suspend"))
    return state in SUSPENDED or (asked and state not in ENDED)


def running(pod: Object | None) -> bool:
    """Whether the pod's container has started; it may have ended since."""
    statuses = ((pod or {}).get("status") or {}).get("containerStatuses") or []
    return any(s.get("state", {}).get("running") or s.get("state", {}).get("terminated") for s in statuses)


def finished(pod: Object | None) -> bool:
    """Whether the pod's container has ended, or the pod is gone."""
    return pod is None or termination(pod) is not None


def termination(pod: Object) -> dict[str, Any] | None:
    """How the pod's container ended: its ``exitCode``, ``reason`` and ``message``; None while it has not ended."""
    status = pod.get("status", {})
    states = [container.get("state", {}) for container in status.get("containerStatuses") or []]
    ends = [state["terminated"] for state in states if state.get("terminated")]
    # If the cluster ended the pod, or its node is gone, the reason stands beside the container's state.
    if status.get("phase") == "Failed" and (status.get("reason") or not ends):
        return {"exitCode": RETRYABLE, "message": _evicted(pod)}
    return dict(ends[0]) if ends else None


def memory_limit(pod: Object) -> str:
    """The memory limit of the pod's container, such as 2Gi."""
    for container in pod.get("spec", {}).get("containers") or []:
        if limit := (container.get("resources", {}).get("limits") or {}).get("memory"):
            return str(limit)
    return "unknown"


def shortened(text: str) -> str:
    """The text on one line, with at most ``MAX_SHOWN`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} ..."


def _application_state(application: Object | None) -> Object:
    return ((application or {}).get("status") or {}).get("applicationState") or {}


def _evicted(pod: Object) -> str:
    status = pod["status"]
    reason, message = status.get("reason"), shortened(status.get("message") or "")
    if reason == "DeadlineExceeded":
        return f"it took longer than a job by hand may: raise `kubernetes.by_hand_hours` ({message})"
    return f"the driver's pod was ended by the cluster ({reason}): {message}"
