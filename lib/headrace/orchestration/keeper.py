"""Runs a command and leaves no process of it behind, however it, this, or the process above this one ends.

Run as a file by Airflow's Python, and made of the standard library alone, so that it starts in a moment. Whatever the
command starts, even what detaches itself, becomes this process's own once its parent is gone (it is a "subreaper"),
and is killed when the command ends. When the process above dies, the kernel tells this one; when this one is killed,
the kernel kills the command. See prctl(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GRACE_SECONDS = 5.0  # for the job to leave its row in the ledger, before it is killed
LIBC = ctypes.CDLL(None, use_errno=True)


class Stopped(Exception):  # noqa: N818 - it is a request, not an error
    """Somebody wants the command to end."""


def under(command: Sequence[str]) -> list[str]:
    """The command line that runs a command under a keeper, below this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def end_with_parent(number: int) -> None:
    """Have the kernel send this process a signal when the one above it dies, however it dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, number)


def main(above: int, command: list[str]) -> int:
    """Run the command; ``above`` is the process that started this one. Returns an exit code as a shell has it."""
    for number in SIGNALS:
        signal.signal(number, _stop)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    end_with_parent(signal.SIGTERM)
    if os.getppid() != above:  # it died before the kernel was asked to tell
        return 128 + signal.SIGTERM
    try:
        code = _run(command)
    except Stopped:
        code = 128 + signal.SIGTERM
    finally:
        _heed_no_signals()
        _kill_all_below()
    return code if code >= 0 else 128 - code


def _run(command: list[str]) -> int:
    child = subprocess.Popen(command, preexec_fn=lambda: end_with_parent(signal.SIGKILL))  # noqa: PLW1509 - this process has one thread
    try:
        return child.wait()
    except Stopped:
        _heed_no_signals()
        child.terminate()
        patience = time.monotonic() + GRACE_SECONDS
        while _children(os.getpid()) and time.monotonic() < patience:
            child.poll()
            _reap()
            time.sleep(0.05)
        raise


def _heed_no_signals() -> None:
    """From now on it ends by itself."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _kill_all_below() -> None:
    """Orphans come to this process as their parents die, so a few rounds reach all of them."""
    while below := list(_children(os.getpid())):
        for pid in below:
            for each in (pid, *_descendants(pid)):
                _kill(each)
        _reap()
        time.sleep(0.02)


def _reap() -> None:
    """Take notice of the children that have ended, the adopted ones among them."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _descendants(pid: int) -> list[int]:
    return [each for child in _children(pid) for each in (child, *_descendants(child))]


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []  # it ended meanwhile


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
