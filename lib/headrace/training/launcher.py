"""Run one function on several ranks at once.

Horovod inside Spark does it today; ``Launch`` is all that the rest of training knows of it.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from headrace.errors import HeadraceError, RankLostError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DEADLINE = 75  # a rank's exit code when its time is over
TAIL = 40  # lines of the ranks' standard error that are kept to explain a failure


class Launch(Protocol):
    """Calls ``fn(*args)`` in ``ranks`` processes that Horovod has joined; returns what each returned, by rank.

    Raises:
        RankLostError: a rank died, never started, or was not done in time. No rank is left running.
        HeadraceError: what ``fn`` itself raised on a rank.
    """

    def __call__(
        self, fn: Callable[..., Any], args: Sequence[Any], *, ranks: int, start_timeout: int, deadline: float
    ) -> list[Any]: ...


@dataclass(frozen=True)
class HorovodOnSpark:
    """``horovod.spark.run`` over Gloo: each rank is a process of its own under a Spark task."""

    spark: SparkSession

    def __call__(
        self, fn: Callable[..., Any], args: Sequence[Any], *, ranks: int, start_timeout: int, deadline: float
    ) -> list[Any]:
        """See ``Launch``. Times are in seconds; ``deadline`` counts from the start of a rank. Main thread only."""
        import horovod.spark

        check_host_name()
        tail = Tail()
        kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            outcomes = horovod.spark.run(
                Rank(fn, deadline), tuple(args), num_proc=ranks, start_timeout=start_timeout, use_gloo=True,
                verbose=0, stderr=tail,
            )  # fmt: skip
        except Exception as failure:
            raise lost(str(failure), tail, ranks, start_timeout, deadline) from None
        finally:
            for number, handler in kept.items():  # Horovod leaves its own behind
                signal.signal(number, handler)
        return results(outcomes)


@dataclass(frozen=True)
class Raised:
    """What went wrong on a rank; an error object would not survive the way to the driver in every case."""

    rank: int
    error: HeadraceError | None
    text: str
    at: float


@dataclass(frozen=True)
class Rank:
    """What a rank runs: ``fn``, watched by the deadline, its error handed over as a value."""

    fn: Callable[..., Any]
    deadline: float

    def __call__(self, *args: Any) -> Any:
        watch = threading.Timer(self.deadline, os._exit, [DEADLINE])
        watch.daemon = True
        watch.start()
        try:
            check_host_name()
            return self.fn(*args)
        except Exception as error:
            text = "".join(traceback.format_exception_only(error)).strip()
            traceback.print_exc()
            own = error if isinstance(error, HeadraceError) else None
            return Raised(int(os.environ.get("HOROVOD_RANK", "-1")), own, text, time.time())
        finally:
            watch.cancel()


class Tail:
    """The last lines that the ranks wrote to standard error."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=TAIL)

    def write(self, text: str) -> None:
        self.lines.extend(line for line in text.splitlines() if line.strip())

    def flush(self) -> None:
        pass


def check_host_name() -> None:
    """Horovod aborts the whole process where the machine's own name has no address."""
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, None)
    except OSError as unknown:
        raise RankLostError(
            f"the host name {name} does not resolve ({unknown})", f"Add '127.0.0.1 {name}' to /etc/hosts"
        ) from None


def results(outcomes: Sequence[Any]) -> list[Any]:
    """What the ranks returned, or the error behind the others: ours first, then the earliest."""
    raised = [o for o in outcomes if isinstance(o, Raised)]
    if not raised:
        return list(outcomes)
    first = min(raised, key=lambda r: (r.error is None, r.at))
    if first.error is not None:
        raise first.error
    raise RankLostError(f"rank {first.rank} failed: {first.text}", "The executor's log has the whole traceback")


def lost(message: str, tail: Tail, ranks: int, start_timeout: int, deadline: float) -> RankLostError:
    """Horovod's message as an error that says which rank, why, and what to do."""
    if "Timed out waiting" in message:
        return RankLostError(
            f"not all of {ranks} ranks had started after {start_timeout} s",
            f"Give Spark at least {ranks} free cores, lower training.ranks, or raise training.start_timeout_seconds",
        )
    fields = dict(line.split(": ", 1) for line in message.splitlines() if ": " in line)
    rank, code = fields.get("Process name", "?"), fields.get("Exit code", "?")
    if code == str(DEADLINE):
        return RankLostError(
            f"training was not done after {deadline / 60:g} minutes", "Raise training.deadline_minutes, or add ranks"
        )
    return RankLostError(f"rank {rank} was lost: {_ended(code)}{_said(tail)}", _advice(code))


def _ended(code: str) -> str:
    if code.isdigit() and int(code) > 128:
        number = int(code) - 128
        return f"ended by signal {number} ({signal.strsignal(number)})"
    return f"exit code {code}"


def _said(tail: Tail) -> str:
    return f"; last it wrote: {tail.lines[-1]}" if tail.lines else ""


def _advice(code: str) -> str:
    if code == "137":
        return "Most often memory ran out: see the pod's events or the kernel's log, give executors more, and try again"
    return "The executor's log says more; try again"
