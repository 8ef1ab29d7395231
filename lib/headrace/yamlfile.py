"""YAML files into frozen pydantic models; an error names file, line and the nearest right word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headrace.errors import HeadraceError

Model = TypeVar("Model", bound=BaseModel)
MOST_SHOWN = 30
UNKNOWN_WORD = ("extra_forbidden", "unexpected_keyword_argument")


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that offers the known word most like ``word``, or else lists them all; empty where none is known."""
    known = sorted(known)
    if not known:
        return ""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    shown = [*known[:MOST_SHOWN], *(["..."] if len(known) > MOST_SHOWN else [])]
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(shown)}"


class _Loader(yaml.SafeLoader):
    """YAML's own loader lets the later of two equal keys win, without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key, _ in node.value:
            if key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path, error: type[HeadraceError]) -> dict[str, Any]:
    """The mapping that a YAML file holds (an empty file holds none)."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        there = [p.name for p in path.parent.glob("*.yaml")]
        raise error(f"{path} does not exist", nearest(path.name, there)) from None
    except yaml.YAMLError as broken:
        mark = getattr(broken, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise error(f"{path}{line}: not YAML: {getattr(broken, 'problem', broken)}") from None
    if content is not None and not isinstance(content, dict):
        raise error(f"{path}:1: expected a mapping of keys to values")
    return content or {}


def validate(model: type[Model], content: dict[str, Any], paths: Sequence[Path], error: type[HeadraceError]) -> Model:
    """Validate ``content``, merged from ``paths`` (the later wins), against ``model``."""
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
    """An unknown word, if there is one: where a word is misspelt, the right one is missing as well."""
    errors = invalid.errors()
    return next((e for e in errors if e["type"] in UNKNOWN_WORD), errors[0])


def reason(invalid: ErrorDetails) -> str:
    """What pydantic found wrong with one value, and the value, unless the sentence has it already."""
    told = invalid["msg"].removeprefix("Value error, ")
    return told if invalid["type"] in ("value_error", "missing") else f"{told} (got {invalid['input']!r})"


def line_of(path: Path, loc: Sequence[str]) -> int | None:
    """The line (from 1) of the key at ``loc`` in a YAML file, or None where the file has no such key."""
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
