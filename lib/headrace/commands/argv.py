"""Fields as command-line arguments: written when a job is started, and read by the job."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.arguments import ArgumentParser
from headrace.commands.fields import Field
from headrace.commands.markers import FromRun, is_template

EPILOG = "It also takes --env, --conf and --root, which say which configuration it uses."


def written(fields: Sequence[Field], values: Mapping[str, Any]) -> list[str]:
    """The arguments: first the positional ones, then the options whose value is not the default."""
    positional = [text for f in fields if f.positional for text in f.texts(values[f.name])]
    return positional + [part for f in fields if not f.positional for part in _option(f, values[f.name])]


def parse(program: str, description: str, fields: Sequence[Field], arguments: Sequence[str]) -> dict[str, Any]:
    """Read arguments into a value for each field.

    Raises:
        ArgumentsError: an argument is unknown or missing, or a number is not a number.
        SystemExit: the arguments ask for help, which was printed.
    """
    parser = ArgumentParser(program, description.split("\n", 1)[0], EPILOG)
    for field in fields:
        _add(parser, field)
    found = vars(parser.parse_args(list(arguments)))
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _option(field: Field, value: Any) -> list[str]:
    if value == field.default and not field.required:
        return []
    if field.kind is bool:
        return [field.flag if value else f"--no-{field.flag.removeprefix('--')}"]
    return [part for text in field.texts(value) for part in _flagged(field, text)]


def _flagged(field: Field, text: str) -> list[str]:
    """The flag and its value. They are one argument if the value is like a flag, or may become so once it is rendered.

    A run's days never become so.
    """
    may_be_flag = text.startswith("-") or (is_template(text) and not field.marked(FromRun))
    return [f"{field.flag}={text}"] if may_be_flag else [field.flag, text]


def _add(parser: argparse.ArgumentParser, field: Field) -> None:
    default = () if field.required else field.default
    if field.positional:
        if field.kind is tuple:
            many: dict[str, Any] = {"nargs": "*"}
        else:
            many = {} if field.required else {"nargs": "?", "default": field.default}
        parser.add_argument(field.name, help=field.help, type=_type(field), **many)
    elif field.kind is bool:
        negatable = argparse.BooleanOptionalAction if field.default else "store_true"
        parser.add_argument(field.flag, dest=field.name, help=field.help, action=negatable, default=field.default)
    else:
        many = {"action": "append"} if field.kind is tuple else {}
        parser.add_argument(
            field.flag, dest=field.name, help=field.help, type=_type(field), required=field.required,
            default=list(default) if field.kind is tuple else default, **many,
        )  # fmt: skip


def _type(field: Field) -> Any:
    return str if field.kind is tuple else field.kind
