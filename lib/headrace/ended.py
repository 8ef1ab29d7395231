"""How a job ended, wherever it ran."""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace.errors import HeadraceError
from headrace.result import Result

TERMINATION = "HEADRACE_TERMINATION_LOG"  # names the file that a job writes its reason into
KILLED = 128  # and the signal's number: what a shell makes of a process that a signal ended
NOISE = ("WARNING: Using incubator modules", "WARNING: package sun.security")  # what each JVM of Spark says first


def by_its_last_line(code: int, last: str) -> str:
    """The reason of a job that gave none, as a PySpark file that is no stage; ``last`` is what it wrote last."""
    return f"exit code {code}; last it wrote: {last}" if last else f"exit code {code}"


@dataclass(frozen=True)
class Ended:
    """How a job ended: its exit code, the reason where it is not 0, and what its stages handed on."""

    code: int
    reason: str = ""
    results: list[Result] = field(default_factory=list)

    @classmethod
    def by(cls, error: HeadraceError) -> Ended:
        """How a job ends that an error ends: its kind and what it says are the reason."""
        return cls(error.exit_code, f"{type(error).__name__}: {error}")
