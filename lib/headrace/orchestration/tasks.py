"""The stages as tasks. Names are looked up as a DAG file is read: a wrong one is an import error with a hint."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset

from headrace import commands
from headrace.commands import Command
from headrace.orchestration import project
from headrace.orchestration.assets import asset
from headrace.orchestration.gate import Gate
from headrace.orchestration.job import SparkJob, Stage
from headrace.orchestration.schedule import DAY, WEEK_END
from headrace.orchestration.sweep import Sweep


def land(*feeds: str, days: str = DAY, **options: Any) -> SparkJob:
    """Land what the feeds called so, or all, delivered for ``days``."""
    return _task(landing(*feeds, days=days), **options)


def build(table: str, *, days: str = DAY, catch_up: bool = False, **options: Any) -> SparkJob:
    """Build ``days`` of a table, and of all that it is made from; with ``catch_up`` other stale days too."""
    return _task(building(table, days=days, catch_up=catch_up), **options)


def score(
    model: str, *, days: str = DAY, version: str = "champion", catch_up: bool = False, **options: Any
) -> SparkJob:
    """Score ``days`` with a model's champion, or a version; with ``catch_up`` other days whose features changed too."""
    return _task(scoring(model, days=days, version=version, catch_up=catch_up), **options)


def train(model: str, *, on: str = WEEK_END, **options: Any) -> SparkJob:
    """Train a challenger as on the day after the run's week, and judge it; see ``gate`` and ``promote``."""
    return _task(commands.train(project.use_case().model(model).name, on, promote=False), **options)


def gate(trained: SparkJob, **options: Any) -> Gate:
    """Go on with the version that ``trained`` made, or skip what follows, with the gate's sentence."""
    judged = Gate(trained=trained.task_id, **{"task_id": "gate", **options})
    trained >> judged
    return judged


def promote(model: str, passed: Gate, **options: Any) -> SparkJob:
    """Make the version champion that passed the gate."""
    version = f"{{{{ ti.xcom_pull(task_ids='{passed.task_id}') }}}}"
    task = _task(commands.promote(project.use_case().model(model).name, version), **options)
    passed >> task
    return task


def maintain(*tables: str, **options: Any) -> SparkJob:
    """Compact and clean the tables called so, or all, and sweep what killed jobs left."""
    known = project.use_case()
    return _task(commands.maintain([known.table(name).name for name in tables]), **options)


def alive(stage: str = "score", *, within_hours: float = 26, **options: Any) -> SparkJob:
    """Fail, and so tell, when a stage was not done within so many hours: where a DAG does not run, no task fails.

    It waits for no slot of the pool that jobs run in: one that hangs must not keep it.
    """
    return _task(
        commands.alive(stage, within_hours), **{"task_id": f"alive_{stage}", "pool": "default_pool", **options}
    )


def sweep(**options: Any) -> Sweep:
    """Delete applications on the cluster that no task owns any more."""
    return Sweep(**options)


def in_one(first: Command, *others: Command, **options: Any) -> SparkJob:
    """Several stages as one task and one application, whose JVM starts once: ``in_one(landing(), building(...))``."""
    options.setdefault("outlets", [made for each in (first, *others) for made in made_by(each)])
    return _task(commands.in_one(first, *others), **options)


def landing(*feeds: str, days: str = DAY) -> Command:
    known = project.use_case()
    return commands.land(days, [known.feed(name).name for name in feeds])


def building(table: str, *, days: str = DAY, catch_up: bool = False) -> Command:
    return commands.build(project.use_case().table(table).name, days, catch_up=catch_up)


def scoring(model: str, *, days: str = DAY, version: str = "champion", catch_up: bool = False) -> Command:
    return commands.score(project.use_case().model(model).name, days, version, catch_up=catch_up)


def made_by(command: Command) -> list[Asset]:
    """The assets that a stage publishes."""
    known = project.use_case()
    if command.stage == "build":
        return [asset(table.name) for table in known.in_order(command.of)]
    if command.stage == "score":
        return [asset(known.model(command.of).scores)]
    if command.stage == "promote":
        return [asset(command.of)]
    return []


def _task(command: Command, **options: Any) -> SparkJob:
    options.setdefault("task_id", command.stage)
    options.setdefault("outlets", made_by(command))
    options.setdefault("doc_md", f"`headrace {command.stage}` of {command.of}")
    return Stage(file=command.file, args=list(command.arguments), **options)
