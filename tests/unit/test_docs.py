"""Docs stay true where a machine can tell: links, names of tests and files, and the table of variables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "bench" / "README.md"]
FENCED = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
FILE = re.compile(r"`((?:lib|jobs|dags|conf|tools|spark-on-k8s|tests|docs|bench|locks)/[\w./-]+)`")
VARIABLE = re.compile(r"\bHEADRACE_[A-Z0-9_]+\b")
# Files that a reader writes.
MAY_BE_MISSING = {
    "dags/flights_export.py",
    "jobs/export_scores.py",
    "jobs/profile.py",
    "lib/headrace/stages/profile.py",
}
CODE = ["Makefile", ".ci/run", "tools", "lib", "dags", "jobs", "conf", "spark-on-k8s", "tests", "bench"]


def shown(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The text of a page without fenced code."""
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def files_of_code() -> Iterator[Path]:
    for name in CODE:
        for path in [ROOT / name, *(ROOT / name).rglob("*")]:
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".png", ".pyc"):
                yield path


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


# The changelog also names files that were renamed.
@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=shown)
def test_files_and_tests_that_a_page_names_exist(page: Path) -> None:
    text = prose(page)
    missing = [name for name in FILE.findall(text) if name not in MAY_BE_MISSING and not (ROOT / name).exists()]
    for file, test in TEST.findall(text):
        tree = ast.parse((ROOT / file).read_text()) if (ROOT / file).exists() else ast.Module([], [])
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        if test and test not in names:
            missing.append(f"{file}::{test}")
    assert missing == []


def test_the_table_of_variables_has_every_variable_of_the_code_and_no_other() -> None:
    table = (ROOT / "docs" / "environment-variables.md").read_text()
    listed = re.findall(r"^\| `(HEADRACE_\w+)` \|", table, re.MULTILINE)
    used = {name for path in files_of_code() for name in VARIABLE.findall(path.read_text(errors="ignore"))}
    assert sorted(listed) == sorted(used)


def test_every_package_is_on_the_map() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    packages = {path.parent.name for path in (ROOT / "lib" / "headrace").glob("*/__init__.py")}
    listed = set(re.findall(r"`(\w+)`", page))
    assert packages - listed == set()


def test_reasons_that_the_page_on_failed_jobs_quotes_are_in_the_code() -> None:
    """NAME and N stand for what the code fills in. Both sides of them must be in one line of the code."""
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "when-a-job-fails.md").read_text(), re.MULTILINE)
    quotes = [quote for row in rows for quote in re.findall(r"`([^`]+)`", row)]
    lines = [line for path in (ROOT / "lib" / "headrace").rglob("*.py") for line in path.read_text().splitlines()]
    text = "\n".join(lines)
    patterns = {q: r"(?:\{.+?\}|N)".join(map(re.escape, re.split(r"\b(?:NAME|N)\b", q))) for q in quotes}
    assert len(quotes) > 20
    assert [quote for quote, pattern in patterns.items() if not re.search(pattern, text)] == []
