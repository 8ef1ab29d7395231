"""The local backend: a job is a spark-submit process on this machine."""

from __future__ import annotations

from headrace.backends.base import Connect, InUse, Log
from headrace.backends.local import command, memory
from headrace.backends.local.process import SupervisedProcess
from headrace.backends.spark_settings import common_settings
from headrace.commands import Job
from headrace.config import Config, ConfigSource, home
from headrace.outcome import Outcome


class LocalBackend:
    """See ``backends.base.Backend``. A job ends with the process that started it."""

    deferrable = False

    def __init__(self, config: Config, connect: Connect | None = None) -> None:  # noqa: ARG002 - nothing is remote
        self._config = config
        self._process: SupervisedProcess | None = None
        self._cancelled = False

    def spark_settings(self) -> dict[str, str]:
        return {**command.driver_settings(self._config), **common_settings(self._config)}

    def with_source(self, job: Job, source: ConfigSource) -> Job:
        return job.with_arguments(source.to_argv())

    def submission(self, job: Job) -> str:
        return self.command_to_type(job)

    def command_to_type(self, job: Job) -> str:
        return command.typed(self._config, command.spark_submit(self._config, job))

    def run(self, job: Job, log: Log | None = None) -> Outcome:
        line = command.spark_submit(self._config, job)
        self._process = process = SupervisedProcess(line, command.environment(self._config), home(), log)
        if self._cancelled:  # before there was a process
            process.stop()
        try:
            return memory.explained(self._config, job, process.wait(), process.killed_by_kernel)
        except KeyboardInterrupt:
            process.stop()
            process.wait()
            raise

    def cancel(self) -> None:
        self._cancelled = True
        if self._process is not None:
            self._process.stop()

    def clean_up(self, in_use: InUse) -> list[str]:  # noqa: ARG002 - no job outlives its starter
        return []
