"""Why ranks ended: what a rank raised, or what Horovod and the kernel say about a lost one."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.errors import DeadlineError, HeadraceError, OutOfMemoryError, RankLostError

MORE_MEMORY = (
    "Lower training.batch_size, or give ranks more memory: sizes.train.executor.overhead on a cluster, "
    "fewer training.ranks on one machine"
)
DEADLINE = 75  # the exit code of a rank that exceeds its deadline
SIGKILLED = 137  # the exit code of a rank that SIGKILL ended
TAIL = 40  # lines of the ranks' standard error that are kept for the error message


@dataclass(frozen=True)
class Raised:
    """An error on a rank, as a value. Not every exception object can be pickled on its way to the driver.

    ``peak_bytes`` is the most memory that the rank held.
    """

    rank: int
    error: HeadraceError | None
    text: str
    at: float
    peak_bytes: int = 0


class Tail:
    """The last lines that the ranks wrote to standard error; a file to write to."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=TAIL)

    def write(self, text: str) -> None:
        self.lines.extend(line for line in text.splitlines() if line.strip())

    def flush(self) -> None:
        pass


def results(outcomes: Sequence[Any]) -> list[Any]:
    """What the ranks returned, if none failed.

    If several ranks failed, the root cause is raised: a HeadraceError before any other error, then the earliest.

    Raises:
        HeadraceError: the error that a rank raised.
        OutOfMemoryError: a rank's memory ran out.
        RankLostError: a rank raised any other error.
    """
    raised = [o for o in outcomes if isinstance(o, Raised)]
    if not raised:
        return list(outcomes)
    first = min(raised, key=lambda r: (r.error is None, r.at))
    if isinstance(first.error, OutOfMemoryError):
        held = f"it held {first.peak_bytes / 2**30:.1f} GB"
        raise OutOfMemoryError(f"rank {first.rank}: {first.error.what}; {held}", MORE_MEMORY)
    if first.error is not None:
        raise first.error
    raise RankLostError(f"rank {first.rank} failed: {first.text}", "See the traceback in the executor's log")


def rank_lost(
    message: str, tail: Tail, ranks: int, start_timeout: int, deadline: float, killed_by_kernel: bool = False
) -> HeadraceError:
    """Translate Horovod's message into an error that says which rank was lost, why, and what to do.

    Args:
        killed_by_kernel: whether the kernel ended a process for lack of memory meanwhile.
    """
    if "Timed out waiting" in message:
        return RankLostError(
            f"not all of {ranks} ranks had started after {start_timeout} s",
            f"Give Spark at least {ranks} free cores, lower training.ranks, or raise training.start_timeout_seconds",
        )
    fields = dict(line.split(": ", 1) for line in message.splitlines() if ": " in line)
    rank, code = fields.get("Process name", "?"), fields.get("Exit code", "?")
    if code == str(DEADLINE):
        return DeadlineError(
            f"training did not finish within {deadline / 60:g} minutes", "The next try goes on after the last epoch"
        )
    if code == str(SIGKILLED) and killed_by_kernel:
        return OutOfMemoryError(f"rank {rank} ran out of memory: the kernel ended it", MORE_MEMORY)
    return RankLostError(f"rank {rank} was lost: {_exit_reason(code)}{_last_line(tail)}", _hint(code))


def _exit_reason(code: str) -> str:
    if code.isdigit() and int(code) > 128:
        number = int(code) - 128
        return f"ended by signal {number} ({signal.strsignal(number)})"
    return f"exit code {code}"


def _last_line(tail: Tail) -> str:
    return f"; its last line was: {tail.lines[-1]}" if tail.lines else ""


def _hint(code: str) -> str:
    if code == str(SIGKILLED):
        return "Usually memory ran out: see the pod's events or the kernel's log, give executors more, and try again"
    return "See the executor's log, and try again"
