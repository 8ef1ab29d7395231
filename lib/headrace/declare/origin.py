"""Where in a use case's source something was declared, so that an error can name file and line."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
_LIBRARIES = (str(Path(__file__).parent), "<string>")


@dataclass(frozen=True)
class Origin:
    """A line of a source file."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def here() -> Origin:
    """The innermost line on the stack that belongs neither to this package nor to pydantic or dataclasses."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_LIBRARIES) and "/pydantic/" not in file and not file.endswith("/dataclasses.py"):
            return Origin(file, frame.f_lineno)
        frame = frame.f_back
    return Origin()


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The base of what a use case declares. It keeps its source line, which comparisons ignore."""

    origin: Origin = field(default_factory=here, repr=False, compare=False)
