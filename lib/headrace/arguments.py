"""A parser of command-line arguments whose errors have one of our exit codes."""

from __future__ import annotations

import argparse
from typing import NoReturn

from headrace.errors import ArgumentsError


class ArgumentParser(argparse.ArgumentParser):
    """Raises ArgumentsError, where argparse leaves the process with 2. Flags may not be abbreviated."""

    def __init__(self, program: str, description: str = "", epilog: str = "", *, add_help: bool = True) -> None:
        super().__init__(
            prog=program, description=description, epilog=epilog, add_help=add_help, allow_abbrev=False
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        hint = f"Run `spark-submit {self.prog} --help`" if self.prog.endswith(".py") else ""
        raise ArgumentsError(f"{self.prog} does not take these arguments: {message}", hint)
