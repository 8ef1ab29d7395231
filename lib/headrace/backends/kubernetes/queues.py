"""What an application waits for that is not its own affair: a quota, a queue, a node with room, or to be resumed.

While a quota refuses the driver's pod, the operator submits the application again (see ``manifest.RESTARTS``).
"""

from __future__ import annotations

import re

from headrace.backends.kubernetes.objects import Object, error_of, shortened, state_of, suspended

SUBMISSION_FAILED = "SUBMISSION_FAILED"  # the operator's state after a refusal, and until the next one has ended
QUOTA = re.compile(r"(?:exceeded quota|status unknown for quota): [^\n]*")
FULL = "the namespace's quota is full"
LEFT_OVER = re.compile(r"driver pod already exist")  # of a deleted application; the operator deletes it first
ASKED = re.compile(r"requested: (?P<requested>\S+), used: \S+, limited: (?P<limited>\S+)")
QUANTITY = re.compile(r"(?P<number>[\d.]+)(?P<unit>[a-zA-Z]*)")
UNITS = {"m": 1e-3, "": 1.0, "k": 1e3} | {unit: 1e3**n for n, unit in enumerate("MGTP", start=2)}
UNITS |= {f"{unit}i": 1024.0**n for n, unit in enumerate("KMGTP", start=1)}


def queued(pod: Object | None, application: Object) -> str:
    """For what an application waits; empty if it waits for none of these."""
    if suspended(application):
        return "it is suspended. It goes on once a person or a queue sets its `suspend` to false"
    if pod is None:
        refusal = _passing_refusal(application)
        return f"{FULL}: {shortened(refusal)}" if refusal else ""
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            gated = condition.get("reason") == "SchedulingGated"
            what = "a queue holds the driver's pod back" if gated else "no node has room for the driver"
            return f"{what}: {shortened(condition.get('message') or '')}"
    return ""


def submitted_again(application: Object) -> bool:
    """Whether the operator's next submission may succeed."""
    left_over = state_of(application) == SUBMISSION_FAILED and LEFT_OVER.search(error_of(application))
    return bool(left_over or _passing_refusal(application))


def never_fits(refusal: str) -> bool:
    """Whether a quota's refusal asks for more than the whole quota."""
    if not (asked := ASKED.search(refusal)):
        return False
    requested, limited = _quantities(asked["requested"]), _quantities(asked["limited"])
    return any(requested[name] > limit for name, limit in limited.items() if name in requested)


def _passing_refusal(application: Object) -> str:
    """A quota's refusal of the last submission, if it has room for the application at other times; else empty."""
    refused = QUOTA.search(error_of(application)) if state_of(application) == SUBMISSION_FAILED else None
    return refused[0] if refused and not never_fits(refused[0]) else ""


def _quantities(text: str) -> dict[str, float]:
    """Kubernetes' quantities, such as ``limits.cpu=500m,limits.memory=2Gi``, by their names."""
    found = {}
    for item in text.split(","):
        name, _, amount = item.rpartition("=")
        if (quantity := QUANTITY.fullmatch(amount)) and quantity["unit"] in UNITS:
            found[name] = float(quantity["number"]) * UNITS[quantity["unit"]]
    return found
