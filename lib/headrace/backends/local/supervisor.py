"""Runs a command and leaves none of its processes behind, whichever process ends first.

This file runs as a program, and uses the standard library only, so that it starts fast. It is a "subreaper": processes
that the command starts, and that lose their parent, become its children. It kills them when the command ends. When the
process above this one dies, the kernel signals this one. When this one is killed, the kernel kills the command. See
prctl(2).
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
GRACE_SECONDS = 5.0  # the job writes its row in the ledger before it is killed
LIBC = ctypes.CDLL(None, use_errno=True)


class Stopped(Exception):  # noqa: N818 - it is a request, not an error
    """The command was asked to end."""


def supervised(command: Sequence[str]) -> list[str]:
    """The command line that runs a command under a supervisor, below this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def end_with_parent(number: int) -> None:
    """Make the kernel send this process a signal when its parent dies."""
    LIBC.prctl(PR_SET_PDEATHSIG, number)


def main(above: int, command: list[str]) -> int:
    """Run the command; ``above`` is the id of the parent. Returns an exit code as a shell reports it."""
    for number in SIGNALS:
        signal.signal(number, _stop)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    end_with_parent(signal.SIGTERM)
    if os.getppid() != above:  # the parent died before the kernel could be asked
        return 128 + signal.SIGTERM
    try:
        code = _run(command)
    except Stopped:
        code = 128 + signal.SIGTERM
    finally:
        _ignore_signals()
        _kill_all_below()
    return code if code >= 0 else 128 - code


def _run(command: list[str]) -> int:
    child = subprocess.Popen(command, preexec_fn=lambda: end_with_parent(signal.SIGKILL))  # noqa: PLW1509 - this process has one thread
    try:
        return child.wait()
    except Stopped:
        _ignore_signals()
        child.terminate()
        patience = time.monotonic() + GRACE_SECONDS
        while _children(os.getpid()) and time.monotonic() < patience:
            child.poll()
            _reap()
            time.sleep(0.05)
        raise


def _ignore_signals() -> None:
    """From now on this process ends by itself."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _kill_all_below() -> None:
    """Kill all descendants. Orphans become children of this process, so a few rounds reach all of them."""
    while below := list(_children(os.getpid())):
        for pid in below:
            for doomed in (pid, *_descendants(pid)):
                _kill(doomed)
        _reap()
        time.sleep(0.02)


def _reap() -> None:
    """Collect the children that have ended, including adopted ones."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _descendants(pid: int) -> list[int]:
    return [pid for child in _children(pid) for pid in (child, *_descendants(child))]


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []  # the process has ended meanwhile


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
