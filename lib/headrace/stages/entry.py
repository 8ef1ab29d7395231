"""What a file in ``jobs/`` calls: read the arguments, run the stage, and leave with its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from headrace.commands import Command
from headrace.commands.combined import split
from headrace.config import ConfigSource
from headrace.stages.context import open_context
from headrace.stages.process_exit import leave_with_outcome
from headrace.stages.runner import run_stage


def run_job(command: type[Command]) -> None:
    """Run one stage with the arguments of this process."""
    leave_with_outcome(lambda: _run(command, sys.argv[1:]))


def run_combined_job() -> None:
    """Run several stages one after the other, with the arguments of this process; see ``commands.Combined``."""

    def run() -> None:
        for command, arguments in split(sys.argv[1:]):
            _run(command, arguments)

    leave_with_outcome(run)


def _run(command: type[Command], arguments: Sequence[str]) -> None:
    source, own = ConfigSource.from_argv(arguments)
    run_stage(open_context(source), command.from_argv(own))
