"""Digests of Headrace's own code: no package may drop out of one unnoticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from headrace.stages.digests import package_digest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "weighed"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("x = 1\n")
    return folder


def test_a_digest_is_of_the_names_and_contents_of_the_files(package: Path) -> None:
    expected = hashlib.sha256(b"__init__.py\0\0part.py\0x = 1\n\0").hexdigest()
    assert package_digest("weighed") == expected
    (package / "part.py").write_text("x = 2\n")
    assert package_digest("weighed") != expected


@pytest.mark.parametrize("name", ["headrace.features", "empty"])
def test_a_package_that_was_renamed_or_is_empty_is_an_error(name: str, package: Path) -> None:
    (package.parent / "empty").mkdir()
    with pytest.raises(LookupError, match=f"the package {name} has no files"):
        package_digest("weighed", name)
