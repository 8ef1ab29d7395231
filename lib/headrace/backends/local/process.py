"""A job's process on this machine, under a supervisor: its lines as they come, and how it ended."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headrace import variables
from headrace.backends.local import supervisor
from headrace.outcome import KILLED, NOISE, Outcome, read_results, reason_from_last_line
from headrace.shortage import kernel_kills
from headrace.storage import read_text


class SupervisedProcess:
    """A running job. The job, and every process that it started, ends with this process at the latest.

    Each line of the job goes to ``log``. Without it, the job has this process's own input and output.

    Attributes:
        killed_by_kernel: whether the job ended by SIGKILL, and the kernel ended a process for its memory meanwhile.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Callable[[str], object] | None = None,
    ) -> None:
        self.killed_by_kernel = False
        self._kills = kernel_kills()
        self._log = log
        self._files = tempfile.TemporaryDirectory(prefix="headrace-")
        self._reason, self._results = (Path(self._files.name) / name for name in ("reason", "results"))
        files = {variables.TERMINATION_LOG: str(self._reason), variables.RESULT: str(self._results)}
        self._process = subprocess.Popen(
            supervisor.supervised(command),
            cwd=folder,
            env={**environment, **files},
            stdin=subprocess.DEVNULL if log else None,
            stdout=subprocess.PIPE if log else None,
            stderr=subprocess.STDOUT if log else None,
            text=True,
            errors="replace",
            start_new_session=True,  # a signal to this process's group reaches the supervisor only once, by ``stop``
        )

    def wait(self) -> Outcome:
        """Wait until the job and all its processes have ended."""
        last = ""
        for line in self._process.stdout or ():
            if (text := line.rstrip()) and not text.startswith(NOISE):
                if self._log:
                    self._log(text)
                last = text
        code = self._process.wait()
        code = code if code >= 0 else KILLED - code  # as a shell reports a signal
        self.killed_by_kernel = code == KILLED + signal.SIGKILL and kernel_kills() > self._kills
        reported = read_text(self._reason).strip()
        results = read_results(self._results)
        self._files.cleanup()
        # A killed process cannot report why; the driver only sees a broken JVM connection.
        known = bool(reported) and code < KILLED
        return Outcome(code, reported if known else _reason(code, last), results, printed=known)

    def stop(self) -> None:
        """End the job and all its processes. Returns at once; ``wait`` returns when they have ended."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)


def _reason(code: int, last: str) -> str:
    """The reason for a job that could not report why it ended."""
    if code == 0:
        return ""
    if code > KILLED:
        name = signal.strsignal(code - KILLED) or "unknown"
        return f"ended by signal {code - KILLED} ({name})"
    return reason_from_last_line(code, last)
