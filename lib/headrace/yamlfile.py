"""Read YAML files into frozen pydantic models. An error names file, line and the nearest known word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headrace.errors import HeadraceError
from headrace.hints import nearest

Model = TypeVar("Model", bound=BaseModel)
UNKNOWN_WORD = ("extra_forbidden", "unexpected_keyword_argument")


class _Loader(yaml.SafeLoader):
    """A loader that refuses duplicate keys; YAML's own silently keeps the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key, _ in node.value:
            if key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} appears twice", key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path, error: type[HeadraceError]) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file gives an empty mapping.

    Raises:
        error: the file does not exist, is not YAML, or contains something other than a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        files = [p.name for p in path.parent.glob("*.yaml")]
        raise error(f"{path} does not exist", nearest(path.name, files)) from None
    except yaml.YAMLError as broken:
        mark = getattr(broken, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise error(f"{path}{line}: not YAML: {getattr(broken, 'problem', broken)}") from None
    if content is not None and not isinstance(content, dict):
        raise error(f"{path}:1: expected a mapping of keys to values")
    return content or {}


def validate(model: type[Model], content: dict[str, Any], paths: Sequence[Path], error: type[HeadraceError]) -> Model:
    """Validate ``content`` against ``model``.

    Args:
        paths: the files that ``content`` was merged from; a later file wins.

    Raises:
        error: a key is unknown or a value is wrong; names file, line and the nearest known key.
    """
    try:
        return model.model_validate(content)
    except ValidationError as invalid:
        first = most_telling(invalid)
        loc = tuple(str(part) for part in first["loc"])
        where = next((f"{p}:{n}" for p in reversed(paths) if (n := line_of(p, loc))), str(paths[-1]))
        key = ".".join(loc)
        if first["type"] in UNKNOWN_WORD:
            raise error(f"{where}: unknown key {key!r}", nearest(loc[-1], fields_at(model, loc[:-1]))) from None
        raise error(f"{where}: {key}: {reason(first)}") from None


def most_telling(invalid: ValidationError) -> ErrorDetails:
    """The error to report. It prefers an unknown word, as a misspelt key also leaves the right key missing."""
    errors = invalid.errors()
    return next((e for e in errors if e["type"] in UNKNOWN_WORD), errors[0])


def reason(invalid: ErrorDetails) -> str:
    """What pydantic found wrong with a value, followed by the value unless the sentence already has it."""
    message = invalid["msg"].removeprefix("Value error, ")
    return message if invalid["type"] in ("value_error", "missing") else f"{message} (got {invalid['input']!r})"


def line_of(path: Path, loc: Sequence[str]) -> int | None:
    """The line (from 1) of the key at ``loc`` in a YAML file, or None if the file has no such key."""
    node: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8"))
    line = None
    for part in loc:
        if not isinstance(node, yaml.MappingNode):
            break
        pair = next(((k, v) for k, v in node.value if k.value == part), None)
        if pair is None:
            return None
        line, node = pair[0].start_mark.line + 1, pair[1]
    return line


def fields_at(model: type[BaseModel], loc: Sequence[str]) -> list[str]:
    """The names of the fields of the model nested at ``loc``."""
    for part in loc:
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
