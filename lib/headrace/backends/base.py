"""The protocol of a backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from headrace.commands import Job
from headrace.config import Config, ConfigSource
from headrace.outcome import Outcome

Log = Callable[[str], object]
"""Receives each line of a job as it comes."""

Connect = Callable[[Config], AbstractAsyncContextManager[Any]]
"""Opens a connection to a remote backend."""

InUse = Callable[[Sequence[str]], bool]
"""Whether the task that started a job may still come back to it. The argument is the parts of the job's identity."""


class Backend(Protocol):
    """Runs the jobs of one environment.

    Attributes:
        deferrable: whether a job continues without the process that started it. Airflow's triggerer then follows the
            job as a SparkApplication, so only the Kubernetes backend may say so.
    """

    deferrable: bool

    def __init__(self, config: Config, connect: Connect | None = None) -> None: ...

    def spark_settings(self) -> dict[str, str]:
        """What the session of a driver in this process is started with."""

    def with_source(self, job: Job, source: ConfigSource) -> Job:
        """The job with the arguments that make it load the same configuration.

        Raises:
            ConfigError: a job on this backend cannot read that configuration.
        """

    def submission(self, job: Job) -> str:
        """What a job is submitted as: a command, or a manifest."""

    def command_to_type(self, job: Job) -> str:
        """The command that a person types into a shell to run the same job."""

    def run(self, job: Job, log: Log | None = None) -> Outcome:
        """Run the job to its end and leave nothing of it behind.

        Args:
            log: receives each line of the job. Without it, the job writes to the output of this process.

        Raises:
            HeadraceError: it could not be started, or its end could not be seen.
        """

    def cancel(self) -> None:
        """End the job, so that ``run`` returns. Safe in a signal handler, and before the job has started."""

    def clean_up(self, in_use: InUse) -> list[str]:
        """Delete jobs that a lost process left behind; returns their names.

        Raises:
            ClusterError: some could not be deleted; the others were.
        """
