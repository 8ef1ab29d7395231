"""Several stages in one application, one after the other: the JVM starts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from headrace.commands.base import Command, registered
from headrace.errors import ArgumentsError, UnknownNameError
from headrace.hints import nearest

THEN = "--then"


@dataclass(frozen=True)
class Combined:
    """The stages of one application, in their order."""

    file: ClassVar[str] = "jobs/run.py"

    commands: tuple[Command, ...]

    @property
    def of(self) -> str:
        return "; ".join(f"{command.stage} {command.of}" for command in self.commands)

    def to_argv(self) -> list[str]:
        """``land --days DAY --then build TABLE --days DAY``."""
        return joined([(command.stage, *command.to_argv()) for command in self.commands])

    @classmethod
    def from_argv(cls, arguments: Sequence[str]) -> Combined:
        """Read the arguments that ``to_argv`` writes.

        Raises:
            UnknownNameError: a stage does not exist.
            ArgumentsError: no stage is named, or a stage does not take its arguments.
        """
        return cls(tuple(command.from_argv(rest) for command, rest in split(arguments)))


EXAMPLE = f"{Combined.file} land --days 2026-01-01 {THEN} build sales.orders --days 2026-01-01"


def split(arguments: Sequence[str]) -> list[tuple[type[Command], list[str]]]:
    """The command of each stage, and the arguments that belong to it; see ``Combined.from_argv`` for the errors."""
    return [(_known(stage), rest) for stage, *rest in parts_of(arguments)]


def parts_of(arguments: Sequence[str]) -> list[list[str]]:
    """The name and the arguments of each stage.

    Raises:
        ArgumentsError: a stage has no name.
    """
    parts: list[list[str]] = [[]]
    for argument in arguments:
        if argument == THEN:
            parts.append([])
        else:
            parts[-1].append(argument)
    if not all(parts):
        raise ArgumentsError(
            f"{Combined.file} is missing the name of a stage",
            f"Write {EXAMPLE}",
        )
    return parts


def joined(parts: Sequence[Sequence[str]]) -> list[str]:
    """The opposite of ``parts_of``."""
    return [argument for part in parts for argument in (THEN, *part)][1:]


def _known(stage: str) -> type[Command]:
    known = registered()
    if stage not in known:
        raise UnknownNameError(f"no stage is called {stage!r}", nearest(stage, known))
    return known[stage]
