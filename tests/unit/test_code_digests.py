"""The normal form of code: how code is written down does not count, what it does counts, on every Python alike."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from headrace.code.normal_form import digest_of, normal_form
from headrace.code.packages import modules_digest, package_digest

CODE = '''\
"""Rates."""
from shop.units import EURO  # the only one

class Rate:
    """A rate."""
    label: str = "net"

    def of(self, price: float, *, digits=2):
        """Round it."""
        if price > 0.5 and digits is not None:
            return f"{price * EURO:.{digits}f} net"
        return None
'''
GOLDEN = "e5f66ea596580b3ef5185cd5ae9f4fb599d169e32893eee277749de5bb3dee94"
CHANGES_NOTHING = {
    "a comment": ("  # the only one", "  # and another"),
    "a docstring": ('"""A rate."""', '"""A rate of exchange."""'),
    "no docstring": ('        """Round it."""\n', ""),
    "the docstring of an attribute": ('label: str = "net"\n', 'label: str = "net"\n    """Before tax."""\n'),
    "spaces": ("price * EURO", "price*EURO"),
    "brackets": ("price > 0.5 and", "(price > 0.5) and"),
    "quotes": ('"net"', "'net'"),
    "a prefix": ('= "net"', '= u"net"'),
    "the notation of a number": ("0.5", "5e-1"),
    "a statement that does nothing": ("        return None", "        pass\n        return None"),
}
CHANGES_SOMETHING = {
    "a constant": ("0.5", "0.6"),
    "a kind of constant": ("digits=2", "digits=2.0"),
    "a text": ('"net"', '"gross"'),
    "a name": ("price * EURO", "digits * EURO"),
    "an operator": ("price > 0.5", "price >= 0.5"),
    "a default": ("digits=2", "digits"),
    "an import": ("shop.units", "shop.money"),
    "a type": ("price: float", "price: int"),
    "the order": ("price * EURO", "EURO * price"),
    "a text in a format": ("f} net", "f} gross"),
}


def form(code: str) -> str:
    return normal_form(ast.parse(code))


@pytest.mark.parametrize("change", CHANGES_NOTHING)
def test_code_that_is_only_written_down_differently_has_the_same_digest(change: str) -> None:
    right, other = CHANGES_NOTHING[change]
    assert right in CODE
    assert form(CODE.replace(right, other)) == form(CODE)


@pytest.mark.parametrize("change", CHANGES_SOMETHING)
def test_code_that_may_do_something_else_has_another_digest(change: str) -> None:
    right, other = CHANGES_SOMETHING[change]
    assert right in CODE
    assert form(CODE.replace(right, other)) != form(CODE)


def test_the_normal_form_does_not_change() -> None:
    assert digest_of(CODE.encode()) == GOLDEN, "with another normal form, every published day is stale"


def test_none_and_a_text_of_it_differ_and_so_do_missing_and_given_nones() -> None:
    forms = [form(f"f({arguments})") for arguments in ("None", "'None'", "", "a=None", "*None", "**None", "...", "''")]
    assert len(set(forms)) == len(forms)


def test_an_f_string_has_one_form_on_every_python() -> None:
    empty = ast.JoinedStr([ast.Constant(""), ast.FormattedValue(ast.Name("x"), -1), ast.Constant("")])
    assert normal_form(empty) == normal_form(ast.JoinedStr([ast.FormattedValue(ast.Name("x"), -1)]))
    cut, whole = (ast.JoinedStr([ast.Constant(text) for text in texts]) for texts in (["a", "x="], ["ax="]))
    assert normal_form(cut) == normal_form(whole)


def test_a_chain_of_a_thousand_calls_has_a_normal_form() -> None:
    assert form("frame" + ".drop(x)" * 1000).count("attr='drop'") == 1000


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "weighed"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("x = 1\n")
    (folder / "inner" / "part.py").write_text("y = 1\n")
    return folder


@pytest.mark.parametrize("part", ["part.py", "inner/part.py"])
def test_each_file_of_a_package_counts_in_its_normal_form(package: Path, part: str) -> None:
    before, file = package_digest("weighed"), package / part
    file.write_text(f"# a comment\n{file.read_text()}")
    assert package_digest("weighed") == before
    file.write_text("z = 2\n")
    assert package_digest("weighed") != before


def test_the_place_of_a_file_in_a_package_counts(package: Path) -> None:
    before = package_digest("weighed")
    (package / "inner" / "part.py").rename(package / "moved.py")
    assert package_digest("weighed") != before


def test_a_file_that_is_not_python_counts_by_its_bytes(package: Path) -> None:
    (package / "template.py").write_text("class {{ name }}: # 1\n")
    before = package_digest("weighed")
    (package / "template.py").write_text("class {{ name }}: # 2\n")
    assert package_digest("weighed") != before


@pytest.mark.parametrize("name", ["headrace.features", "empty"])
def test_a_package_that_was_renamed_or_is_empty_is_an_error(name: str, package: Path) -> None:
    (package.parent / "empty").mkdir()
    with pytest.raises(LookupError, match=f"the package {name} has no files"):
        package_digest("weighed", name)


def test_a_module_that_was_renamed_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"there is no module headrace\.expression$"):
        modules_digest(["headrace.expression"])
