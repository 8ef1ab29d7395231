"""A job: a PySpark file with its arguments, and the stages that it runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from headrace.commands.base import Command, registered
from headrace.commands.combined import Combined, joined, parts_of, split

AUTO = "auto"


@dataclass(frozen=True)
class Job:
    """What a backend runs.

    Attributes:
        file: the PySpark file, relative to the project's root folder.
        arguments: the arguments of the file.
        stages: the names of the stages that it runs; empty for a file that is not a stage.
        size: the name of a size in ``conf/``; ``auto`` means the size of its stages, or the size called like its file.
    """

    file: str
    arguments: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    size: str = AUTO

    @classmethod
    def of(cls, command: Command | Combined) -> Job:
        """The job that runs a command, or several."""
        commands = command.commands if isinstance(command, Combined) else (command,)
        return cls(command.file, tuple(command.to_argv()), tuple(c.stage for c in commands))

    @classmethod
    def of_file(cls, file: str, arguments: Sequence[str] = (), size: str = AUTO) -> Job:
        """The job that runs a file. The file of a stage is known as that stage.

        Raises:
            UnknownNameError, ArgumentsError: ``jobs/run.py`` is given a stage that does not exist, or none.
        """
        file = os.path.normpath(file)
        if file == Combined.file:
            stages = tuple(command.stage for command, _ in split(arguments))
        else:
            stages = tuple(command.stage for command in registered().values() if command.file == file)
        return cls(file, tuple(arguments), stages, size)

    def with_arguments(self, more: Sequence[str]) -> Job:
        """The same job, with more arguments for each of its stages."""
        if self.file != Combined.file:
            return replace(self, arguments=(*self.arguments, *more))
        parts = [(*arguments, *more) for arguments in parts_of(self.arguments)]
        return replace(self, arguments=tuple(joined(parts)))

    @property
    def name(self) -> str:
        """A short name: the stage's, or the file's."""
        return self.stages[0] if len(self.stages) == 1 else PurePath(self.file).stem
