"""Which files are checked, and where prose stands in them."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from prose_check.markdown import docstring_blocks, markdown_blocks
from prose_check.rules import Block

PATTERNS = [
    "*.md", "bench/**/*.md", "docs/**/*.md",
    "lib/**/*.py", "jobs/**/*.py", "dags/**/*.py", "bench/**/*.py", "tests/**/*.py", "tools/**/*.py",
    "conf/**/*.yaml", "lib/**/*.yaml", "spark-on-k8s/**/*.yaml",
]  # fmt: skip
DIRECTIVE = re.compile(r"#+\s*(?:!|///|noqa|type:|fmt:|pragma|mypy:|ruff:|isort:|pylint:).*$")
BLOCK_SCALAR = re.compile(r"(^|[\s:-])[|>][+-]?\d?\s*(#.*)?$")


def files_to_check(root: Path) -> list[Path]:
    """Every file with prose below the project's folder, sorted."""
    return sorted({path for pattern in PATTERNS for path in root.glob(pattern) if path.is_file()})


def blocks_of(root: Path, path: Path) -> Iterable[Block]:
    """The blocks of prose of a file."""
    text = path.read_text()
    if path.suffix == ".md":
        return markdown_blocks(text)
    if path.suffix in (".yaml", ".yml"):
        return _comment_blocks(_yaml_comments(text))
    return _python_blocks(text, path.relative_to(root).parts[0])


def _python_blocks(text: str, folder: str) -> Iterator[Block]:
    """Docstrings of every file; comments too, except in tests; the phrases of messages in the code that users run."""
    tree = ast.parse(text)
    docstrings = list(_docstrings(tree))
    for node in docstrings:
        yield from docstring_blocks(re.sub(rf"(?m)^ {{{node.col_offset}}}", "", str(node.value)), node.lineno)
    if folder != "tests":
        yield from _comment_blocks(_python_comments(text))
    if folder in ("lib", "jobs", "dags", "bench"):
        yield from _messages(tree, docstrings)


def _docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Module(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
                | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
                | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
                | ast.AsyncFunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as docstring), *_])
            ):
                yield docstring


def _messages(tree: ast.AST, docstrings: list[ast.Constant]) -> Iterator[Block]:
    """Texts of at least three words. A value that is filled in counts as one word."""
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "value" for part in node.values]
            text = "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            text = "" if node in docstrings else node.value
        else:
            continue
        if len(text.split()) >= 3:
            yield Block(node.lineno, text, message=True)


def _python_comments(text: str) -> Iterator[tuple[int, int, bool, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            yield line, column, not token.line[:column].strip(), token.string


def _yaml_comments(text: str) -> Iterator[tuple[int, int, bool, str]]:
    """Each comment as its line, its column, whether it has the line to itself, and its text."""
    scalar_indent: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if scalar_indent is not None and (not line.strip() or indent > scalar_indent):
            continue
        scalar_indent = indent if BLOCK_SCALAR.search(line) and not line.lstrip().startswith("#") else None
        quote = ""
        for column, letter in enumerate(line):
            if quote:
                quote = "" if letter == quote else quote
            elif letter in "'\"" and not line[:column].strip(" -[{,").endswith(tuple("abcdefghijklmnopqrstuvwxyz")):
                quote = letter
            elif letter == "#" and (column == 0 or line[column - 1].isspace()):
                yield number, column, not line[:column].strip(), line[column:]
                break


def _comment_blocks(comments: Iterable[tuple[int, int, bool, str]]) -> Iterator[Block]:
    """Comments on lines that follow each other, at one column, are one text."""
    group: list[str] = []
    first = next_line = at_column = 0
    for line, column, alone, comment in comments:
        text = re.sub(r"^#+:? ?", "", DIRECTIVE.sub("", comment))
        if group and not (alone and line == next_line and column == at_column):
            yield from markdown_blocks("\n".join(group), first)
            group = []
        if not group:
            first = line
        group.append(text)
        next_line, at_column = line + 1, column
    yield from markdown_blocks("\n".join(group), first)
