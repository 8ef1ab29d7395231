"""Run stages on a lake of ``rush`` in a process that is killed, with its JVM, at a named point or a moment.

The child patches one function of the platform and runs the stages as a job does. It kills its own process group, so
that its JVM cannot go on to commit.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.commands import Combined, Command
from headrace.stages.context import StageContext
from headrace.stages.process_exit import leave_with_outcome
from headrace.stages.runner import run_stage

from tests.support import PROJECT, lakes, rush_lake
from tests.support.points import POINTS, arm

READY = "the stages begin"
NOWHERE = "nowhere"
WITHIN_SECONDS = 300.0


@dataclass(frozen=True)
class End:
    """How the process ended: its exit code, and the last line on stderr."""

    code: int
    reason: str


class StageProcess:
    """A process that runs stages, as the leader of a process group."""

    def __init__(
        self, context: StageContext, *commands: Command, at: str = NOWHERE, environment: Mapping[str, str] | None = None
    ) -> None:
        places = [str(context.config.root), str(context.config.inbox)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *places, at, *Combined(commands).to_argv()],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        """Wait until Spark runs and the stages begin."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == READY:
                return
        raise AssertionError(f"it ended before the stages began: {self.end()}")

    def kill(self) -> None:
        """Kill all of its processes; returns once they have ended."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self.end()

    def end(self) -> End:
        """Wait until it has ended with its JVM and its workers: they hold its stderr open until they end."""
        _, errors = self._process.communicate(timeout=WITHIN_SECONDS)
        return End(self._process.returncode, (errors.splitlines() or [""])[-1])

    def is_running(self) -> bool:
        return self._process.poll() is None


def ran(context: StageContext, *commands: Command, environment: Mapping[str, str] | None = None) -> End:
    """Run stages to their end."""
    return StageProcess(context, *commands, environment=environment).end()


def killed_at(context: StageContext, point: str, *commands: Command) -> None:
    """Run stages that kill themselves at a point of ``POINTS``."""
    end = StageProcess(context, *commands, at=point).end()
    assert end.code == -signal.SIGKILL, f"it did not reach the point: {end}"


def killed_when(context: StageContext, when: Callable[[], bool], *commands: Command) -> None:
    """Run stages, and kill them as soon as ``when`` is true."""
    process = StageProcess(context, *commands)
    deadline = time.monotonic() + WITHIN_SECONDS
    try:
        while not when():
            assert process.is_running(), f"it ended before it could be killed: {process.end()}"
            assert time.monotonic() < deadline
            time.sleep(0.001)
    finally:
        if process.is_running():
            process.kill()


def _die() -> None:
    os.killpg(0, signal.SIGKILL)


def main(root: str, inbox: str, point: str, *arguments: str) -> None:
    """What the child does."""
    context = rush_lake.at(Path(root), Path(inbox))
    commands = Combined.from_argv(arguments).commands
    if point == NOWHERE:
        assert context.spark
        print(READY, flush=True)
    else:
        arm(POINTS[point], _die)
    for command in commands:
        run_stage(lakes.again(context), command)


if __name__ == "__main__":
    leave_with_outcome(lambda: main(*sys.argv[1:]))
