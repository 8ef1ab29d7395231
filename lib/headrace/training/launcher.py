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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from headrace import variables
from headrace.errors import HeadraceError, RankLostError
from headrace.shortage import kernel_kills
from headrace.training.rank_errors import DEADLINE, Raised, Tail, rank_lost, results

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


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
        keep_threads_quiet()
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


def keep_threads_quiet() -> None:
    """Let no thread print an error of Spark: Horovod's thread raises at length what the launch then says briefly.

    The thread may raise it after the launch has ended.
    """
    before = threading.excepthook
    if isinstance(before, _WithoutErrorsOfSpark):
        return
    threading.excepthook = _WithoutErrorsOfSpark(before)


@dataclass(frozen=True)
class _WithoutErrorsOfSpark:
    before: Callable[[threading.ExceptHookArgs], Any]

    def __call__(self, failed: threading.ExceptHookArgs) -> None:
        if not failed.exc_type.__module__.startswith("py4j."):
            self.before(failed)


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
