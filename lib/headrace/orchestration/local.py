"""A job on this machine: spark-submit under a keeper, its lines as they come, and how it ended."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headrace.ended import KILLED, NOISE, TERMINATION, Ended, by_its_last_line
from headrace.orchestration import keeper
from headrace.result import VARIABLE, told


class LocalJob:
    """A job that runs. It, and all that it started, ends with this process at the latest."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._told = tempfile.TemporaryDirectory(prefix="headrace-")
        self._reason, self._results = (Path(self._told.name) / name for name in ("reason", "results"))
        self._process = subprocess.Popen(
            keeper.under(command),
            cwd=folder,
            env={**environment, TERMINATION: str(self._reason), VARIABLE: str(self._results)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # a signal to Airflow's process group reaches the keeper alone, and in order
        )

    def wait(self, say: Callable[[str], object]) -> Ended:
        """Hand each line to ``say`` as it comes; returns when the job and all that it started has ended."""
        last = ""
        for line in self._process.stdout or ():
            if (text := line.rstrip()) and not text.startswith(NOISE):
                say(text)
                last = text
        code = self._process.wait()
        code = code if code >= 0 else KILLED - code  # as a shell has it
        own = self._reason.read_text(encoding="utf-8").strip() if self._reason.exists() else ""
        results = told(self._results)
        self._told.cleanup()
        # Who is killed does not know why: of a dead JVM its driver sees a broken connection.
        return Ended(code, own if own and code < KILLED else _reason(code, last), results)

    def stop(self) -> None:
        """End the job and all that it started; returns at once, and ``wait`` returns when it has ended."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)


def _reason(code: int, last: str) -> str:
    """What is known of a job that could not say why it ended."""
    if code == 0:
        return ""
    if code > KILLED:
        name = signal.strsignal(code - KILLED) or "unknown"
        hint = "; most often memory ran out: see the kernel's log" if code == KILLED + signal.SIGKILL else ""
        return f"ended by signal {code - KILLED} ({name}){hint}"
    return by_its_last_line(code, last)
