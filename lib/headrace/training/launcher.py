"""Run one function on several ranks at once.

`HorovodOnSpark` is the only launcher today. The rest of training depends on the protocol `Launch` only.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from headrace import variables
from headrace.errors import DeadlineError, HeadraceError, OutOfMemoryError, RankLostError
from headrace.shortage import kernel_kills

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MORE_MEMORY = (
    "Lower training.batch_size, or give ranks more memory: sizes.train.executor.overhead on a cluster, "
    "fewer training.ranks on one machine"
)
DEADLINE = 75  # the exit code of a rank that exceeds its deadline
SIGKILLED = 137  # the exit code of a rank that SIGKILL ended
TAIL = 40  # lines of the ranks' standard error that are kept for the error message


class Launch(Protocol):
    """Calls ``fn(*args)`` in ``ranks`` processes that can reduce together. Returns the results, by rank.

    ``start_timeout`` and ``deadline`` are in seconds. The deadline counts from the start of a rank.

    Raises:
        RankLostError: a rank died or never started. No rank is left running.
        DeadlineError: the ranks did not finish in time. No rank is left running.
        OutOfMemoryError: a rank's memory ran out, or the kernel ended it for lack of memory.
        HeadraceError: the error that ``fn`` raised on a rank.
    """

    def __call__(
        self, fn: Callable[..., Any], args: Sequence[Any], *, ranks: int, start_timeout: int, deadline: float
    ) -> list[Any]: ...


@dataclass(frozen=True)
class HorovodOnSpark:
    """``horovod.spark.run`` over Gloo. Each rank is a child process of a Spark task."""

    spark: SparkSession

    def __call__(
        self, fn: Callable[..., Any], args: Sequence[Any], *, ranks: int, start_timeout: int, deadline: float
    ) -> list[Any]:
        """See `Launch`. It must be called from the main thread."""
        import horovod.spark

        check_host_name()
        tail, kills = Tail(), kernel_kills()
        kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            outcomes = horovod.spark.run(
                Rank(fn, deadline, self._executor_cores), tuple(args), num_proc=ranks, start_timeout=start_timeout,
                use_gloo=True, verbose=0, stderr=tail,
            )  # fmt: skip
        except Exception as failure:
            killed = kernel_kills() > kills
            raise rank_lost(str(failure), tail, ranks, start_timeout, deadline, killed) from None
        finally:
            for number, handler in kept.items():  # Horovod replaces the handlers and does not restore them
                signal.signal(number, handler)
        return results(outcomes)

    @property
    def _executor_cores(self) -> str:
        """The cores of an executor; empty where the driver is the executor, which may use the whole machine."""
        return self.spark.conf.get("spark.executor.cores", "") or ""


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


@dataclass(frozen=True)
class Rank:
    """What a rank runs: ``fn`` under a deadline. An error of ``fn`` is returned as a value, `Raised`."""

    fn: Callable[..., Any]
    deadline: float
    executor_cores: str = ""

    def __call__(self, *args: Any) -> Any:
        watch = threading.Timer(self.deadline, os._exit, [DEADLINE])
        watch.daemon = True
        watch.start()
        try:
            os.environ[variables.EXECUTOR_CORES] = self.executor_cores
            check_host_name()
            return self.fn(*args)
        except Exception as error:
            text = "".join(traceback.format_exception_only(error)).strip()
            traceback.print_exc()
            known = error if isinstance(error, HeadraceError) else None
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            return Raised(int(os.environ.get("HOROVOD_RANK", "-1")), known, text, time.time(), peak)
        finally:
            watch.cancel()


class Tail:
    """The last lines that the ranks wrote to standard error; a file to write to."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=TAIL)

    def write(self, text: str) -> None:
        self.lines.extend(line for line in text.splitlines() if line.strip())

    def flush(self) -> None:
        pass


def check_host_name() -> None:
    """Check that the machine's host name resolves, because Horovod aborts the whole process otherwise.

    Raises:
        RankLostError: the host name does not resolve.
    """
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, None)
    except OSError as unknown:
        raise RankLostError(
            f"the host name {name} does not resolve ({unknown})", f"Add '127.0.0.1 {name}' to /etc/hosts"
        ) from None


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
