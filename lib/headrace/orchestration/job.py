"""A PySpark file as an Airflow task: its lines are the task's log, and the last line is the reason."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException

from headrace.backends import Backend
from headrace.backends.local import supervisor
from headrace.commands import Combined, Job, registered
from headrace.commands.job import AUTO
from headrace.errors import HeadraceError, Retry, retry_after
from headrace.orchestration import project
from headrace.orchestration.links import LINKS, addresses, drop_link, push_links, spark_ui
from headrace.orchestration.reason import say_reason_last
from headrace.orchestration.tries import failure, is_followed_by_a_try
from headrace.outcome import Outcome

if TYPE_CHECKING:
    from airflow.sdk import Context

    from headrace.orchestration.application import Application

TRIGGER_FAIL_REPR = "__fail__"  # Airflow resumes with this name after a trigger that failed or took too long
TRIGGER_TIMEOUT = "Trigger timeout"  # and with this error if it took too long


class SparkJob(BaseOperator):
    """Run a PySpark file of the project on the environment's backend.

    The job's lines are the task's log while it runs. Its exit code says how often it is tried again at most:
    ``headrace.errors.retry_after``. ``retries`` bounds that. A person who ends the task also ends the
    job, and so does its time limit.

    Args:
        file: the PySpark file, relative to the project's root folder.
        args: its arguments. Each is a template; no shell reads them.
        env: the environment, a file in ``conf/`` [default: HEADRACE_ENV or local]. The job finds it in HEADRACE_ENV.
        size: on a cluster, one of the sizes in ``conf/``; ``auto`` means the size of the file's stage.
        pool: the Airflow pool [default: the environment's].

    Returns:
        The results of the job's stages, a dictionary for each (see ``headrace.outcome.Result``).
    """

    template_fields = ("args",)
    operator_extra_links = LINKS
    ui_color = "#e4f0e8"

    def __init__(
        self, *, file: str, args: Sequence[str] = (), env: str = "", size: str = AUTO, pool: str = "", **options: Any
    ) -> None:
        options.setdefault("task_id", file.rpartition("/")[2].removesuffix(".py"))
        super().__init__(pool=pool or project.config(env).pool, **options)
        say_reason_last(self)
        self.file = file
        self.args = list(args)
        self.env = env
        self.size = size
        self._backend: Backend | None = None
        self._application: Application | None = None
        self._stopped = False

    def job(self, arguments: Sequence[str]) -> Job:
        """The job with these arguments: the rendered ``args``."""
        return Job.of_file(self.file, arguments, self.size)

    def execute(self, context: Context) -> list[dict[str, Any]]:
        try:
            self._check()
            self._backend = backend = project.backend(self.env)
            if backend.deferrable:
                self._defer(context)
            return self._run(backend, context)
        except HeadraceError as wrong:
            raise failure(Outcome.of_error(wrong), context) from None

    def ended(self, context: Context, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Continue once the application has ended: read its results, show its links, delete it."""
        supervisor.end_with_parent(signal.SIGKILL)
        self._application = application = self._application_of(context)
        try:
            outcome = application.outcome(event)
        except HeadraceError as wrong:
            outcome = Outcome.of_error(wrong)
        finally:
            self._release(application)
        return self._done(context, outcome)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Delete the application if the task's time is up, or no other try would join it.

        A trigger that fails says nothing about the job, which may be healthy.
        """
        if next_method == TRIGGER_FAIL_REPR:
            late = (next_kwargs or {}).get("error") == TRIGGER_TIMEOUT
            if late or not is_followed_by_a_try(context):
                self._release(self._application_of(context))
            else:
                self.log.warning("the trigger failed; the job goes on, and the next try joins it")
        return super().resume_execution(next_method, next_kwargs, context)

    def on_kill(self) -> None:
        self._stopped = True
        if self._backend is not None:
            self._backend.cancel()
        if self._application is not None:
            self._application.release()

    def _check(self) -> None:
        """Refuse wrong arguments before anything starts, with a HeadraceError."""

    def _defer(self, context: Context) -> NoReturn:
        """Create or join the application, and leave the waiting to Airflow's triggerer."""
        supervisor.end_with_parent(signal.SIGKILL)  # the next try joins what a lost worker created
        self._application = application = self._application_of(context)
        for line in application.commands_to_type():
            self.log.info("%s", line)
        try:
            trigger = application.own()
        except HeadraceError as failure:
            if not is_followed_by_a_try(context) or retry_after(failure.exit_code) is Retry.NEVER:
                self._release(application)
            raise
        if self._stopped:  # meanwhile
            application.release()
            raise AirflowException("stopped")
        self.defer(trigger=trigger, method_name="ended", timeout=self.execution_timeout)

    def _release(self, application: Application) -> None:
        """Delete the application. If that fails, the task still reports the job's end, and ``sweep`` deletes it."""
        try:
            application.release()
        except HeadraceError as failure:
            self.log.warning("the application was not deleted: %s", failure)

    def _application_of(self, context: Context) -> Application:
        from headrace.orchestration.application import Application

        return Application(project.config(self.env), context, self.job(self.args))

    def _run(self, backend: Backend, context: Context) -> list[dict[str, Any]]:
        """Run the job from this worker, and stay until it has ended."""
        supervisor.end_with_parent(signal.SIGTERM)  # with Airflow's worker, because nobody else would end this process
        job = self.job(self.args)
        self.log.info("to run the same job by hand: %s", backend.command_to_type(job))

        def log(line: str) -> None:
            self.log.info("%s", line)
            if address := spark_ui(line):
                push_links(context, {"Spark UI": address})

        if self._stopped:  # meanwhile
            backend.cancel()
        outcome = backend.run(job, log)
        drop_link(context, "Spark UI")
        return self._done(context, outcome)

    def _done(self, context: Context, outcome: Outcome) -> list[dict[str, Any]]:
        push_links(context, addresses(project.config(self.env), outcome.results))
        if outcome.code:
            raise failure(outcome, context)
        return [result.model_dump(exclude_defaults=True) for result in outcome.results]


class StageJob(SparkJob):
    """One stage, or several in one application. The rendered arguments are checked before anything starts."""

    def _check(self) -> None:
        if self.file == Combined.file:
            Combined.from_argv(self.args)
            return
        (stage,) = self.job(self.args).stages
        registered()[stage].from_argv(self.args)
