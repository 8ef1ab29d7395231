"""A job from a terminal: run it on the environment's backend, or only print what would be submitted."""

from __future__ import annotations

import sys

import typer

from headrace.backends import backend_of
from headrace.commands import Job
from headrace.config import Config, ConfigSource


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
    lines = Lines()
    outcome = backend.run(job, lines)
    if outcome.code:
        if lines.last != outcome.reason:
            print(outcome.reason, file=sys.stderr, flush=True)
        raise typer.Exit(outcome.code)


class Lines:
    """Prints a job's lines and remembers the last one."""

    last = ""

    def __call__(self, line: str) -> None:
        print(line, flush=True)
        self.last = line
