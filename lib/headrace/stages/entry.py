"""What a file in ``jobs/`` calls: read the arguments, run the stage, and leave with its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from headrace.commands import Command
from headrace.commands.combined import EXAMPLE, split
from headrace.config import ConfigSource
from headrace.stages.context import open_context
from headrace.stages.process_exit import leave_with_outcome
from headrace.stages.runner import run_stage


def run_job(command: type[Command]) -> None:
    """Run one stage with the arguments of this process."""
    leave_with_outcome(lambda: _run(*_parsed(command, sys.argv[1:])))


def run_combined_job() -> None:
    """Run several stages one after the other, with the arguments of this process; see ``commands.Combined``."""

    def run() -> None:
        if sys.argv[1:] == ["--help"]:
            print(f"Several stages in one application, such as: {EXAMPLE}")
            return
        # All arguments are read before the first stage starts.
        for source, command in [_parsed(*part) for part in split(sys.argv[1:])]:
            _run(source, command)

    leave_with_outcome(run)


def _parsed(command: type[Command], arguments: Sequence[str]) -> tuple[ConfigSource, Command]:
    source, others = ConfigSource.from_argv(arguments)
    return source, command.from_argv(others)


def _run(source: ConfigSource, command: Command) -> None:
    run_stage(open_context(source), command)
