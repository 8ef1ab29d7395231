"""A command for each stage, made from its dataclass: the fields are the arguments, the docstring is the help."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from headrace import declare
from headrace.cli.app import app
from headrace.cli.confirm import QUESTIONS
from headrace.cli.options import Print, Yes
from headrace.cli.run_job import run_or_print
from headrace.cli.signature import Option, given, set_signature
from headrace.commands import Command, Job, registered
from headrace.config import ConfigSource


def add_stage_command(command: type[Command]) -> None:
    """Give ``headrace`` a command that runs this stage: as a job, or in this process if it needs no Spark."""
    fields, question = command.arguments(), QUESTIONS.get(command)

    def run(
        *, env: str, conf: Path | None, root: str, print_submit: bool = False, yes: bool = False, **values: Any
    ) -> None:
        source = ConfigSource(env, conf, root)
        stage = command(**given(fields, values)).complete()
        if question and not yes and not print_submit:
            question(stage, source)
        (_submit if command.submitted else _run_here)(stage, source, print_submit)

    others: dict[str, Option] = {"print_submit": (Print, False)} if command.submitted else {}
    others |= {"yes": (Yes, False)} if question else {}
    set_signature(run, fields, others)
    app.command(command.stage, help=inspect.getdoc(command))(run)


def _submit(stage: Command, source: ConfigSource, print_only: bool) -> None:
    config = source.load()
    stage.check_names(declare.load(config.use_case))  # a wrong name is found before Spark starts
    run_or_print(config, Job.of(stage), source, print_only=print_only)


def _run_here(stage: Command, source: ConfigSource, _print_only: bool) -> None:
    from headrace.stages.context import open_context
    from headrace.stages.runner import run_stage

    run_stage(open_context(source), stage)


for _command in registered().values():
    add_stage_command(_command)
