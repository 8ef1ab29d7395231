"""The demo that a use case declares: the whole line from delivered files to scores, each stage as its own job."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rich.console import Console

from headrace import declare
from headrace.backends import backend_of
from headrace.cli.demo_summary import show_pages, summarise
from headrace.cli.run_job import leave_if_failed
from headrace.commands import Build, Command, Job, Land, Score, Train
from headrace.config import Config, ConfigSource
from headrace.declare import Demo, UseCase, resolve
from headrace.errors import UnknownNameError
from headrace.ledger.usage import watched
from headrace.stages.progress import log_progress

SUMMARY = Path("build/demo/summary.json")
CONSOLE = Console(highlight=False)


def run(source: ConfigSource) -> None:
    """Run each stage as a job, stop at the first that fails, and write ``build/demo/summary.json``.

    Raises:
        UnknownNameError: the use case declares no demo.
        typer.Exit: a job failed.
    """
    config = source.load()
    use_case = declare.load(config.use_case)
    demo = _declared(use_case)
    seconds: dict[str, float] = {}
    with watched() as used:
        began = time.monotonic()
        resolve.function(use_case.package, demo.deliver)(config.inbox)
        seconds["deliver"] = round(time.monotonic() - began, 1)
        for command in stages_of(demo):
            seconds[command.stage] = _run_stage(config, command, source)
        summary = summarise(config, use_case, demo.model, seconds, used().total)
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    show_pages(CONSOLE, config, use_case, demo.model, summary, {"summary": SUMMARY}, source)


def stages_of(demo: Demo) -> list[Command]:
    """The stages of a demo, in order."""
    return [
        Land(demo.days),
        Build(demo.table, demo.days),
        Train(demo.model, demo.train_on),
        Score(demo.model, demo.score),
    ]


def _declared(use_case: UseCase) -> Demo:
    if use_case.demo is None:
        raise UnknownNameError(f"{use_case.package} declares no demo", "Declare one: headrace.declare.Demo(...)")
    return use_case.demo


def _run_stage(config: Config, command: Command, source: ConfigSource) -> float:
    """Run a stage as a job and print its lines; returns seconds. A failed job ends the demo with its exit code."""
    CONSOLE.rule(f"[bold]{command.stage}", align="left")
    began = time.monotonic()
    backend = backend_of(config)
    with CONSOLE.status(f"{command.stage} ..."):
        job = backend.with_source(Job.of(command), source)
        outcome = backend.run(job, lambda line: CONSOLE.print(line, markup=False, soft_wrap=True))
    leave_if_failed(outcome)
    seconds = round(time.monotonic() - began, 1)
    log_progress(command.stage, "done", s=seconds)
    return seconds
