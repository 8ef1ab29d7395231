"""A PySpark file as an Airflow task: its lines are the task's log, and the reason is the last of them."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from headrace import commands, submit
from headrace import config as configuration
from headrace.cluster.sizes import AUTO
from headrace.config import Config
from headrace.ended import Ended
from headrace.errors import PERMANENT, HeadraceError
from headrace.orchestration import keeper, project
from headrace.orchestration.links import LINKS, addresses, drop_link, push_links, spark_ui
from headrace.orchestration.local import LocalJob

if TYPE_CHECKING:
    from airflow.sdk import Context

    from headrace.orchestration.application import Application

TRIGGER_FAIL_REPR = "__fail__"  # Airflow's name for going on after a trigger that failed or took too long


class SparkJob(BaseOperator):
    """Run a PySpark file of the project, wherever the environment's backend runs jobs.

    The job's lines are the task's log while it runs. A job that exits with 65 fails for good; with any other code it is
    tried again, as often as the task's ``retries`` say. Whatever ends the task ends the job.

    Args:
        file: the PySpark file, seen from the project's root folder.
        args: its arguments, each a template; no shell ever reads them.
        env: the environment, a file in ``conf/`` [default: HEADRACE_ENV, or local]; the job finds it in HEADRACE_ENV.
        size: on a cluster, one of the sizes in ``conf/``; ``auto`` means that of the file's stage.
        pool: of Airflow [default: the environment's].

    Returns:
        What the job's stages handed on, a dictionary for each (see ``headrace.result.Result``).
    """

    template_fields = ("args",)
    operator_extra_links = LINKS
    ui_color = "#e4f0e8"

    def __init__(
        self, *, file: str, args: Sequence[str] = (), env: str = "", size: str = AUTO, pool: str = "", **options: Any
    ) -> None:
        options.setdefault("task_id", file.rpartition("/")[2].removesuffix(".py"))
        super().__init__(pool=pool or project.config(env).pool, **options)
        self.file = file
        self.args = list(args)
        self.env = env
        self.size = size
        self._job: LocalJob | None = None
        self._application: Application | None = None
        self._stopped = False

    def execute(self, context: Context) -> list[dict[str, Any]]:
        try:
            self._check()
            config = project.config(self.env)
            if config.backend == "kubernetes":
                self._own(config, context)
            return self._run(config, context)
        except HeadraceError as wrong:
            raise failure(Ended.by(wrong)) from None

    def ended(self, context: Context, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Go on when the application has ended: the result, the links, and nothing left of it."""
        keeper.end_with_parent(signal.SIGKILL)
        config = project.config(self.env)
        self._application = application = self._application_of(config, context)
        try:
            ended = application.ended(event)
        except HeadraceError as wrong:
            ended = Ended.by(wrong)
        finally:
            self._release(application)
        return self._done(config, context, ended)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """When the triggerer gave up, be it for the time being over, nobody else would end the application."""
        if next_method == TRIGGER_FAIL_REPR:
            self._release(self._application_of(project.config(self.env), context))
        return super().resume_execution(next_method, next_kwargs, context)

    def on_kill(self) -> None:
        self._stopped = True
        if self._job is not None:
            self._job.stop()
        if self._application is not None:
            self._application.release()

    def _check(self) -> None:
        """Refuse arguments before anything starts, with a HeadraceError."""

    def _own(self, config: Config, context: Context) -> NoReturn:
        """On a cluster: have the application, and leave the waiting to the triggerer."""
        keeper.end_with_parent(signal.SIGKILL)  # a worker that is lost has lost this: the next try joins what it made
        self._application = application = self._application_of(config, context)
        for line in application.by_hand():
            self.log.info("%s", line)
        try:
            trigger = application.own()
        except HeadraceError:
            self._release(application)
            raise
        if self._stopped:  # meanwhile
            application.release()
            raise AirflowException("stopped")
        self.defer(trigger=trigger, method_name="ended", timeout=self.execution_timeout)

    def _release(self, application: Application) -> None:
        """How the job ended matters more than what stays of it, which the sweeper deletes."""
        try:
            application.release()
        except HeadraceError as stays:
            self.log.warning("not cleared away: %s", stays)

    def _application_of(self, config: Config, context: Context) -> Application:
        from headrace.orchestration.application import Application

        return Application(config, context, self.file, self.args, self.size)

    def _run(self, config: Config, context: Context) -> list[dict[str, Any]]:
        """On this machine: start the job, and stay until it has ended."""
        keeper.end_with_parent(signal.SIGTERM)  # with Airflow's worker: nobody else would end this
        line = submit.command(config, self.file, self.args)
        self.log.info("the same by hand: %s", submit.typed(config, line))
        self._job = LocalJob(line, submit.environment(config), configuration.home())

        def say(line: str) -> None:
            self.log.info("%s", line)
            if address := spark_ui(line):
                push_links(context, {"Spark UI": address})

        if self._stopped:  # meanwhile
            self._job.stop()
        ended = self._job.wait(say)
        drop_link(context, "Spark UI")
        return self._done(config, context, ended)

    def _done(self, config: Config, context: Context, ended: Ended) -> list[dict[str, Any]]:
        push_links(context, addresses(config, ended.results))
        if ended.code:
            raise failure(ended)
        return [result.model_dump(exclude_defaults=True) for result in ended.results]


class Stage(SparkJob):
    """A stage of the platform, or several in one application, as a task: its days must be days."""

    def _check(self) -> None:
        commands.check(self.args)


def failure(ended: Ended) -> AirflowException:
    """The exception that ends the task with the job's reason: at once if trying again cannot help."""
    if ended.code == PERMANENT:
        return AirflowFailException(ended.reason)
    return AirflowException(ended.reason)
