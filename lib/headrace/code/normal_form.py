"""The normal form of Python code: a text that changes only if the code may do something else.

It is the syntax tree without docstrings, positions, type comments and empty fields. Its notation is our own, because
``ast.dump`` differs between Python versions. A new Python adds fields that are empty in older code, so they do not
change the text.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator

_LEFT_OUT = {
    "ctx",  # follows from the place of a name
    "kind",  # u"text" is "text"
    "type_comment",
    "type_ignores",
}


def digest_of(source: bytes) -> str:
    """SHA-256 of code in its normal form, or of the bytes if Python cannot parse them: a package may hold templates."""
    try:
        form = normal_form(ast.parse(source)).encode()
    except (SyntaxError, ValueError, RecursionError):
        form = source
    return hashlib.sha256(form).hexdigest()


def normal_form(tree: ast.AST) -> str:
    """The normal form of parsed code."""
    return "".join(_parts(tree))


def _parts(tree: ast.AST) -> Iterator[str]:
    """The text of a tree, without recursion: a chain of a thousand calls is a tree of that depth."""
    waiting: list[object] = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, ast.AST):
            yield f"{type(item).__name__}("
            waiting.append(")")
            for name, value in reversed(_fields(item)):
                waiting += [" ", _noted(value), f"{name}="]
        elif isinstance(item, list):
            yield "["
            waiting.append("]")
            for part in reversed(item):
                waiting += [" ", _noted(part)]


def _fields(node: ast.AST) -> list[tuple[str, object]]:
    """The fields that count, by name; the order of a node's fields is Python's own affair."""
    found = []
    for name, value in sorted(ast.iter_fields(node)):
        kept = [part for part in value if not _does_nothing(part, node)] if isinstance(value, list) else value
        kept = _joined(kept) if isinstance(node, ast.JoinedStr) else kept
        if name not in _LEFT_OUT and kept is not None and kept != []:
            found.append((name, kept))
    return found


def _does_nothing(part: object, of: ast.AST) -> bool:
    """Whether a part of a node is ``pass``, a constant as a statement (so is a docstring), or no text in an f-string.

    Python 3.12 finds an empty text in some f-strings in which other versions find none.
    """
    if isinstance(of, ast.JoinedStr):
        return isinstance(part, ast.Constant) and part.value == ""
    return isinstance(part, ast.Pass) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))


def _joined(parts: object) -> object:
    """The parts of an f-string, in which Python versions cut the text between two values in different ways."""
    joined: list[object] = []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, ast.Constant) and joined and isinstance(joined[-1], ast.Constant):
            joined[-1] = ast.Constant(str(joined[-1].value) + str(part.value))
        else:
            joined.append(part)
    return joined


def _noted(value: object) -> object:
    """A node or a list as it is, any other value in ASCII: which characters ``repr`` escapes depends on the Python."""
    return value if isinstance(value, ast.AST | list) else ascii(value)
