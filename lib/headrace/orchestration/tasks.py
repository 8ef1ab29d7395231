"""Stages as tasks. Names are looked up when a DAG file is read: a wrong one is an import error with a hint."""

from __future__ import annotations

from typing import Any

from headrace.commands import Combined, Command, Job, Promote
from headrace.orchestration import project
from headrace.orchestration.assets import asset
from headrace.orchestration.gate import Gate
from headrace.orchestration.job import SparkJob, StageJob
from headrace.orchestration.schedule import DAY, WEEK_END
from headrace.orchestration.sweep import Sweep


def stage(command: Command, **options: Any) -> SparkJob:
    """One stage as a task, such as ``stage(Build("sales.orders"))``. It works on the run's day, unless told otherwise.

    Args:
        options: of the Airflow operator, such as ``task_id`` and ``pool``.
    """
    command = _of_run(command)
    options.setdefault("task_id", command.stage)
    return _task(command, [command], **options)


def combined(first: Command, *others: Command, **options: Any) -> SparkJob:
    """Several stages as one task and one application: ``combined(Land(), Build("sales.orders"), task_id="day")``.

    The JVM starts once.
    """
    commands = [_of_run(command) for command in (first, *others)]
    return _task(Combined(tuple(commands)), commands, **options)


def gate(trained: SparkJob, **options: Any) -> Gate:
    """Go on with the version that ``trained`` trained, or skip the tasks after this one with the gate's sentence."""
    judged = Gate(trained=trained.task_id, **{"task_id": "gate", **options})
    trained >> judged
    return judged


def promote(model: str, passed: Gate, **options: Any) -> SparkJob:
    """Make the version champion that passed the gate."""
    version = f"{{{{ ti.xcom_pull(task_ids='{passed.task_id}') }}}}"
    task = stage(Promote(model, version, reason="passed the gate"), **options)
    passed >> task
    return task


def sweep(**options: Any) -> Sweep:
    """Delete jobs on the cluster that no task owns any more."""
    return Sweep(**options)


def _of_run(command: Command) -> Command:
    return command.check_names(project.use_case()).filled({"day": DAY, "week_end": WEEK_END})


def _task(command: Command | Combined, stages: list[Command], **options: Any) -> SparkJob:
    use_case, job = project.use_case(), Job.of(command)
    options.setdefault("outlets", [asset(name) for one in stages for name in one.publishes(use_case)])
    options.setdefault("doc_md", f"`headrace {job.name}` of {command.of}")
    return StageJob(file=job.file, args=list(job.arguments), **options)
