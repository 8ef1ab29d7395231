"""A command for each stage, made from its dataclass: the fields are the arguments, the docstring is the help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace import declare
from headrace.cli.app import app
from headrace.cli.options import Conf, Env, Print, Root
from headrace.cli.run_job import run_or_print
from headrace.commands import Command, Job, registered
from headrace.commands.fields import Field
from headrace.config import ConfigSource


def add_stage_command(command: type[Command]) -> None:
    """Give ``headrace`` a command that runs this stage: as a job, or in this process if it needs no Spark."""

    def run(*, env: str, conf: Path | None, root: str, print_submit: bool = False, **values: Any) -> None:
        source = ConfigSource(env, conf, root)
        given = {name: tuple(value or ()) if many[name] else value for name, value in values.items()}
        stage = command(**given).complete()
        (_submit if command.submitted else _run_here)(stage, source, print_submit)

    fields = command.arguments()
    many = {field.name: field.kind is tuple for field in fields}
    _set_signature(run, fields, command.submitted)
    app.command(command.stage, help=inspect.getdoc(command))(run)


def _submit(stage: Command, source: ConfigSource, print_only: bool) -> None:
    config = source.load()
    stage.check_names(declare.load(config.use_case))  # a wrong name is found before Spark starts
    run_or_print(config, Job.of(stage), source, print_only=print_only)


def _run_here(stage: Command, source: ConfigSource, _print_only: bool) -> None:
    from headrace.stages.context import open_context
    from headrace.stages.runner import run_stage

    run_stage(open_context(source), stage)


def _set_signature(run: Callable[..., None], fields: Sequence[Field], submitted: bool) -> None:
    """Typer reads a command's arguments from the signature of its function."""
    common = {"env": (Env, ""), "conf": (Conf, None), "root": (Root, "")} | (
        {"print_submit": (Print, False)} if submitted else {}
    )
    own = {field.name: (_annotation(field), _default(field)) for field in fields}
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in {**own, **common}.items()
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def _annotation(field: Field) -> Any:
    kind: Any = list[str] | None if field.kind is tuple else field.kind
    if field.positional:
        return Annotated[kind, typer.Argument(help=field.help)]
    flag = f"{field.flag}/--no-{field.flag[2:]}" if field.kind is bool and field.default else field.flag
    return Annotated[kind, typer.Option(flag, help=field.help)]


def _default(field: Field) -> Any:
    if field.required:
        return inspect.Parameter.empty
    return None if field.kind is tuple else field.default


for _command in registered().values():
    add_stage_command(_command)
