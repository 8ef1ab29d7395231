"""The fields of a command, as the parser, the CLI and the Airflow helpers see them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from headrace.commands.markers import Argument, FromRun, Option

Mark = TypeVar("Mark")


@dataclass(frozen=True)
class Field:
    """One field. ``kind`` is ``str``, ``int``, ``bool`` or ``tuple`` (of texts)."""

    name: str
    kind: type
    default: Any
    marks: tuple[object, ...]

    def marked(self, mark_type: type) -> bool:
        return any(isinstance(mark, mark_type) for mark in self.marks)

    def mark(self, mark_type: type[Mark]) -> Mark:
        return next(mark for mark in self.marks if isinstance(mark, mark_type))

    @property
    def positional(self) -> bool:
        return self.marked(Argument)

    @property
    def required(self) -> bool:
        """Whether a person must give the value."""
        return self.default is dataclasses.MISSING or (self.marked(FromRun) and not self.default)

    @property
    def flag(self) -> str:
        return self.mark(Option).flag or f"--{self.name.replace('_', '-')}"

    @property
    def shown(self) -> str:
        """How a person knows the field: by its flag or its name."""
        return self.name if self.positional else self.flag

    @property
    def help(self) -> str:
        return self.mark(Argument).help if self.positional else self.mark(Option).help

    def texts(self, value: Any) -> list[str]:
        """The value as texts; a field of type ``tuple`` has any number of them."""
        return [str(one) for one in value] if self.kind is tuple else [str(value)]


@cache
def fields_of(command: type) -> tuple[Field, ...]:
    """The fields of a dataclass, in the order of their declaration. Every DAG file asks for them many times."""
    hints = get_type_hints(command, include_extras=True)
    return tuple(_field(f, hints[f.name]) for f in dataclasses.fields(command))


def _field(declared: dataclasses.Field[Any], hint: Any) -> Field:
    marks: tuple[object, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        marks = tuple(rest)
    return Field(declared.name, get_origin(hint) or hint, declared.default, marks)
