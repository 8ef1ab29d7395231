"""The tests share ``tests.support``, and nothing else of each other; the platform names no use case."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
USE_CASE = re.compile(r"flight|new[ _]york|2013", re.IGNORECASE)
TEXT = {".py", ".yaml", ".json", ".html", ".properties", ".md", ".css", ".txt"}


def imported(file: Path) -> Iterator[tuple[int, str]]:
    """The line and the dotted name of each module that a file imports."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "."
            yield from ((node.lineno, f"{node.module or '.'}.{alias.name}") for alias in node.names)


def is_a_test(module: str) -> bool:
    parts = module.split(".")
    return any(part == "conftest" or part.startswith("test_") for part in parts)


def test_no_test_imports_another_test_or_a_conftest() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: imports {module}"
        for folder in ("tests", "bench")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, module in imported(file)
        if is_a_test(module)
    ]
    assert found == [], "move what they share to tests/support"


def test_what_tests_import_of_each_other_is_in_tests_support() -> None:
    local = {path.stem for path in (ROOT / "tests").rglob("*.py") if "support" not in path.parts} - {"__init__"}
    found = [
        f"{file.relative_to(ROOT)}:{line}: imports {module}"
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for line, module in imported(file)
        if (module.split(".")[0] in local or module.startswith("tests.")) and not module.startswith("tests.support")
    ]
    assert found == []


def test_the_platform_names_no_use_case() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sorted((ROOT / "lib" / "headrace").rglob("*"))
        if file.suffix in TEXT
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if USE_CASE.search(line)
    ]
    assert found == [], "use a neutral example: sales.orders, sales.late, 2026-01-31"
