"""`tools/prose` names the line of each fault in prose, and lets its exemption list only shrink."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROSE = Path(__file__).parents[2] / "tools" / "prose"
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen"
LONG = f"{WORDS} {WORDS}."  # 26 words
SHORT = f"{WORDS} {WORDS.removesuffix(' thirteen')}."  # 25 words
TOO_LONG = 'a sentence has 26 words: "one two three four five six ..."; split it, 25 words at most'


def prose(root: Path, *arguments: str) -> tuple[int, list[str]]:
    """The exit code and the printed lines of `tools/prose` on the tree below a folder."""
    command = [sys.executable, PROSE, "--root", root, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_clean_tree_passes(tmp_path: Path) -> None:
    write(tmp_path, "README.md", f"# A title\n\n{SHORT}\n{SHORT}\n")
    write(tmp_path, "lib/some/part.py", f'"""{SHORT} {SHORT}"""\n')
    assert prose(tmp_path) == (0, [])


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("README.md", f"A title.\n\n{LONG}\n", 3),
        ("docs/page.md", f"{SHORT}\n{WORDS}\n{WORDS}.\n", 2),
        ("docs/page.md", f"- an item\n- {WORDS},\n  {WORDS}.\n", 2),
        ("docs/page.md", f"| a | b |\n|---|---|\n| short | {LONG} |\n", 3),
        ("docs/page.md", f"[{WORDS}](page.md) {WORDS}\n", 1),
        ("lib/some/part.py", f'"""Some module."""\n\n\ndef f():\n    """Do it.\n\n    {LONG}\n    """\n', 7),
        ("lib/some/part.py", f'def f(a):\n    """Do it.\n\n    Args:\n        a: {LONG}\n    """\n', 5),
        ("jobs/part.py", f"A = 1\n# {WORDS}\n# {WORDS}\n", 2),
        ("dags/part.py", f"A = 1  # {LONG}\n", 1),
        ("tests/unit/test_part.py", f'def test_it():\n    """{LONG}"""\n', 2),
        ("conf/some.yaml", f'key: "# no comment"  # {LONG}\nother: 1\n', 1),
        ("spark-on-k8s/base/some.yaml", f"text: |\n  # {LONG}\n# {WORDS}\n# {WORDS}\n", 3),
    ],
)
def test_a_long_sentence_is_found(tmp_path: Path, name: str, text: str, line: int) -> None:
    write(tmp_path, name, text)
    assert prose(tmp_path) == (1, [f"{name}:{line}: {TOO_LONG}"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docs/page.md", f"```bash\n{LONG}\n```\n\n    {LONG}\n"),
        ("docs/page.md", f"Call `{WORDS}` and `{WORDS}`, e.g. {WORDS} as shown.\n"),
        ("docs/page.md", f"| {WORDS} | {WORDS} |\n|---|---|\n| {WORDS} | {WORDS} |\n"),
        ("lib/some/part.py", f'"""Use it:\n\n    {LONG}\n"""\nA = "{LONG}"\n'),
        ("lib/some/part.py", f"A = 1  # {WORDS}\nB = 2  # {WORDS}\n# type: ignore  {LONG}\n"),
        ("tests/unit/test_part.py", f"# {LONG}\n"),
    ],
)
def test_code_and_separate_pieces_are_not_a_long_sentence(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, name, text)
    assert prose(tmp_path) == (0, [])


@pytest.mark.parametrize(
    ("name", "text", "line", "phrase"),
    [
        ("README.md", "The table is as it\nshould be.\n", 1, "as it should be"),
        ("lib/some/part.py", '"""Rows are set aside."""\n', 1, "set aside"),
        ("lib/some/part.py", 'A = 1\n\nB = f"{A} is surely above"\n', 3, "surely"),
        ("conf/some.yaml", "key: 1\nother: 2  # all but for one\n", 2, "but for"),
    ],
)
def test_a_banned_phrase_is_found(tmp_path: Path, name: str, text: str, line: int, phrase: str) -> None:
    write(tmp_path, name, text)
    code, lines = prose(tmp_path)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f'{name}:{line}: "{phrase}" has to be decoded; write: ')


def test_a_phrase_in_code_is_not_banned(tmp_path: Path) -> None:
    write(tmp_path, "README.md", "Call `as it should be`.\n\n    as it should be\n")
    assert prose(tmp_path) == (0, [])


def test_an_exempt_file_may_fail_until_it_is_clean(tmp_path: Path) -> None:
    write(tmp_path, "README.md", LONG)
    write(tmp_path, "tools/prose-exempt.txt", "README.md\n")
    assert prose(tmp_path) == (0, [])
    assert prose(tmp_path, str(tmp_path / "README.md")) == (1, [f"README.md:1: {TOO_LONG}"])
    write(tmp_path, "README.md", SHORT)
    stale = "tools/prose-exempt.txt: README.md has become clean; remove it from the list"
    assert prose(tmp_path) == (1, [stale])


def test_an_exempt_file_must_exist(tmp_path: Path) -> None:
    write(tmp_path, "tools/prose-exempt.txt", "docs/gone.md\n")
    missing = "tools/prose-exempt.txt: docs/gone.md does not exist; remove it from the list"
    assert prose(tmp_path) == (1, [missing])


def test_the_exemption_list_is_written_once_and_then_only_shrinks(tmp_path: Path) -> None:
    write(tmp_path, "README.md", LONG)
    write(tmp_path, "docs/page.md", LONG)
    prose(tmp_path, "--exempt")
    assert prose(tmp_path) == (0, [])
    write(tmp_path, "docs/page.md", SHORT)
    write(tmp_path, "docs/new.md", LONG)
    assert prose(tmp_path, "--exempt") == (0, ["tools/prose-exempt.txt: 1 files"])
    assert prose(tmp_path) == (1, [f"docs/new.md:1: {TOO_LONG}"])
