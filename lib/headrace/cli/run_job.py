"""A job from a terminal: run it on the environment's backend, or only print what would be submitted."""

from __future__ import annotations

import sys

import typer

from headrace.backends import backend_of
from headrace.commands import Job
from headrace.config import Config, ConfigSource
from headrace.outcome import Outcome


def run_or_print(config: Config, job: Job, source: ConfigSource, *, print_only: bool) -> None:
    """Run the job and leave with its exit code, or only print its submission.

    Raises:
        ConfigError: the backend cannot pass the source of the configuration on to the job.
        typer.Exit: the job failed.
    """
    backend = backend_of(config)
    job = backend.with_source(job, source)
    if print_only:
        print(backend.submission(job))
        return
    leave_if_failed(backend.run(job))


def leave_if_failed(outcome: Outcome) -> None:
    """Leave with the exit code of a failed job. The last line on stderr is the reason.

    Raises:
        typer.Exit: the job failed.
    """
    if outcome.code:
        if not outcome.printed:
            print(outcome.reason, file=sys.stderr, flush=True)
        raise typer.Exit(outcome.code)
