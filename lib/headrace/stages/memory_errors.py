"""Say how much memory a job had when it ran out, and which setting to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headrace.config import Config
from headrace.errors import HeadraceError, OutOfMemoryError, PermanentError
from headrace.shortage import kernel_kills, shortage_of
from headrace.sizing.memory import out_of_memory


@contextmanager
def memory_errors(
    config: Callable[[], Config], stage: str, of: str, python_bytes: Callable[[], int] = lambda: 0
) -> Iterator[None]:
    """Raise each error of the block that means a lack of memory as one complete error. Others pass unchanged.

    A Python worker that the kernel ended is one of them: the kernel counts what it ends for lack of memory.

    Args:
        config: gives the job's configuration. Where it cannot, the error passes unchanged.
        stage: the job's stage, or its file's name.
        of: what the block works on, if the error does not know better.
        python_bytes: gives the most memory that the job's Python processes held, in bytes.

    Raises:
        OutOfMemoryError: memory ran out.
    """
    kills = kernel_kills()
    try:
        yield
    except Exception as fault:
        if isinstance(fault, HeadraceError) and (not isinstance(fault, OutOfMemoryError) or fault.hint):
            raise  # it has another cause, or is complete
        short = shortage_of(fault, killed=kernel_kills() > kills)
        if short is None:
            raise
        try:
            given = config()
        except PermanentError:  # the configuration, or the arguments that name it, are wrong as well
            raise fault from fault.__cause__
        told = out_of_memory(given, stage, getattr(fault, "of", "") or of, short, python_bytes())
        raise told from fault.__cause__ or fault
