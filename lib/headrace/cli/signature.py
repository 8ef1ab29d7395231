"""The parameters of a command's function, from which Typer reads the arguments: made from the fields of a stage."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from headrace.cli.options import Conf, Env, Root
from headrace.commands.fields import Field

Option = tuple[Any, Any]  # the annotation of a parameter, and its default
COMMON: Mapping[str, Option] = {"env": (Env, ""), "conf": (Conf, None), "root": (Root, "")}


def set_signature(run: Callable[..., None], fields: Sequence[Field], others: Mapping[str, Option]) -> None:
    """Let a function take the fields of a stage, other options, and those that choose the configuration."""
    own = {field.name: (_annotation(field), _default(field)) for field in fields}
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in {**own, **COMMON, **others}.items()
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def given(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that Typer passes to such a function, as the stage takes them."""
    many = {field.name: field.kind is tuple for field in fields}
    return {name: tuple(value or ()) if many[name] else value for name, value in values.items()}


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
