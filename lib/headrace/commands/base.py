"""The base of all commands, and the register of those that exist."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from headrace.commands import argv
from headrace.commands.fields import Field, fields_of
from headrace.commands.markers import Declared, FromRun, is_template
from headrace.errors import ArgumentsError

if TYPE_CHECKING:
    from headrace.declare import UseCase

_REGISTERED: dict[str, type[Command]] = {}


class Command:
    """One stage with its arguments.

    A subclass is a frozen pydantic dataclass. Its fields are the stage's arguments, and its docstring is the help of
    its CLI command. A subclass is registered under its ``stage`` as soon as it is defined.

    Attributes:
        stage: the stage's name: the class's name in small letters.
        file: the job's file, for spark-submit.
        function: ``"module:function"``, which takes a ``StageContext`` and this command, and returns a ``Result``.
        submitted: whether ``headrace`` submits a job for it, or runs it in its own process because it needs no Spark.
        recorded: whether the ledger gets a row; a stage that only reads leaves none.
    """

    stage: ClassVar[str]
    file: ClassVar[str]
    function: ClassVar[str]
    submitted: ClassVar[bool] = True
    recorded: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        cls.stage = cls.__name__.lower()
        cls.file = f"jobs/{cls.stage}.py"
        _REGISTERED[cls.stage] = cls

    @classmethod
    def arguments(cls) -> tuple[Field, ...]:
        """The fields, each with its flag, type, default and help."""
        return fields_of(cls)  # type: ignore[arg-type]  # mypy takes a class to be unhashable

    @classmethod
    def from_argv(cls, arguments: Sequence[str]) -> Self:
        """Read the arguments that ``to_argv`` writes.

        Raises:
            ArgumentsError: an argument is unknown, missing or empty.
            ConfigError: a value is not what it must be, such as a day.
        """
        return cls(**argv.parse(cls.file, cls.__doc__ or "", cls.arguments(), arguments)).complete()

    def to_argv(self) -> list[str]:
        """The command's arguments, for spark-submit. Values equal to their default are left out."""
        return argv.written(self.arguments(), self.values())

    def values(self) -> dict[str, Any]:
        """The value of each field, by its name."""
        return {field.name: getattr(self, field.name) for field in self.arguments()}

    @property
    def of(self) -> str:
        """The table, model or feeds that the stage works on; ``all`` if it works on all of them."""
        names = [value for field, value in self._declared() for value in field.texts(value)]
        return ", ".join(names) or "all"

    @property
    def of_days(self) -> str:
        """The range of days, or the day, that the stage works on; empty for a stage without days."""
        return next((str(getattr(self, f.name)) for f in self.arguments() if f.marked(FromRun)), "")

    @property
    def subject(self) -> str:
        """What the stage works on, with its days if it has any: ``sales.orders of 2026-01-01``."""
        return f"{self.of} of {self.of_days}" if self.of_days else self.of

    def publishes(self, use_case: UseCase) -> list[str]:  # noqa: ARG002 - most stages publish nothing
        """The names of the tables and models that the stage publishes."""
        return []

    def check_names(self, use_case: UseCase) -> Self:
        """Return the command itself.

        Raises:
            UnknownNameError: the use case does not declare a name; the nearest one is offered.
        """
        look_up = {
            "feed": use_case.feed,
            "table": use_case.table,
            "model": use_case.model,
            "published": use_case.published,
        }
        for field, value in self._declared():
            for name in field.texts(value):
                look_up[field.mark(Declared).kind](name)
        return self

    def filled(self, values: Mapping[str, str]) -> Self:
        """The command with its empty fields filled from a run: ``values`` has the text for each ``FromRun.what``."""
        empty = [f for f in self.arguments() if f.marked(FromRun) and not getattr(self, f.name)]
        return dataclasses.replace(self, **{f.name: values[f.mark(FromRun).what] for f in empty})  # type: ignore[type-var]

    def complete(self) -> Self:
        """Return the command itself, as it can run now.

        Raises:
            ArgumentsError: a required value is empty, or a template that was not rendered.
        """
        for field in self.arguments():
            value = getattr(self, field.name)
            if field.required and (value == "" or is_template(str(value))):
                raise ArgumentsError(f"{self.stage} needs a value for {field.shown}, not {value!r}", field.help)
        return self

    def _declared(self) -> list[tuple[Field, Any]]:
        return [(f, getattr(self, f.name)) for f in self.arguments() if f.marked(Declared)]


def registered() -> dict[str, type[Command]]:
    """All commands that were defined so far, by stage."""
    return dict(_REGISTERED)
