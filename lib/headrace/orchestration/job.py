"""A PySpark file as an Airflow task: its lines are the task's log, and the reason is the last of them."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from headrace import commands, submit
from headrace import config as configuration
from headrace.config import Config
from headrace.errors import PERMANENT, ConfigError, HeadraceError
from headrace.orchestration import keeper, project
from headrace.orchestration.links import LINKS, addresses, drop_link, push_links, spark_ui
from headrace.orchestration.local import Ended, LocalJob

if TYPE_CHECKING:
    from airflow.sdk import Context


class SparkJob(BaseOperator):
    """Run a PySpark file of the project, wherever the environment's backend runs jobs.

    The job's lines are the task's log while it runs. A job that exits with 65 fails for good; with any other code it is
    tried again, as often as the task's ``retries`` say. Whatever ends the task ends the job.

    Args:
        file: the PySpark file, seen from the project's root folder.
        args: its arguments, each a template; no shell ever reads them.
        env: the environment, a file in ``conf/`` [default: HEADRACE_ENV, or local]; the job finds it in HEADRACE_ENV.
        pool: of Airflow [default: the environment's].

    Returns:
        What the job's stages handed on, a dictionary for each (see ``headrace.result.Result``).
    """

    template_fields = ("args",)
    operator_extra_links = LINKS
    ui_color = "#e4f0e8"

    def __init__(self, *, file: str, args: Sequence[str] = (), env: str = "", pool: str = "", **options: Any) -> None:
        options.setdefault("task_id", file.rpartition("/")[2].removesuffix(".py"))
        super().__init__(pool=pool or project.config(env).pool, **options)
        self.file = file
        self.args = list(args)
        self.env = env
        self._job: LocalJob | None = None
        self._stopped = False

    def execute(self, context: Context) -> list[dict[str, Any]]:
        keeper.end_with_parent(signal.SIGTERM)  # with Airflow's worker: nobody else would end this
        try:
            self._check()
            config = project.config(self.env)
            self._job = self._started(config)
        except HeadraceError as wrong:
            raise AirflowFailException(f"{type(wrong).__name__}: {wrong}") from None

        def say(line: str) -> None:
            self.log.info("%s", line)
            if address := spark_ui(line):
                push_links(context, {"Spark UI": address})

        if self._stopped:  # meanwhile
            self._job.stop()
        ended = self._job.wait(say)
        drop_link(context, "Spark UI")
        push_links(context, addresses(config, ended.results))
        if ended.code:
            raise failure(ended)
        return [result.model_dump(exclude_defaults=True) for result in ended.results]

    def on_kill(self) -> None:
        self._stopped = True
        if self._job is not None:
            self._job.stop()

    def _check(self) -> None:
        """Refuse arguments before anything starts, with a HeadraceError."""

    def _started(self, config: Config) -> LocalJob:
        if config.backend != "local":
            raise ConfigError(f"the backend {config.backend!r} is not there yet", "Set backend: local")
        line = submit.command(config, self.file, self.args)
        self.log.info("the same by hand: %s", submit.typed(config, line))
        return LocalJob(line, submit.environment(config), configuration.home())


class Stage(SparkJob):
    """A stage of the platform, or several in one application, as a task: its days must be days."""

    def _check(self) -> None:
        commands.check(self.args)


def failure(ended: Ended) -> AirflowException:
    """The exception that ends the task with the job's reason: at once if trying again cannot help."""
    if ended.code == PERMANENT:
        return AirflowFailException(ended.reason)
    return AirflowException(ended.reason)
