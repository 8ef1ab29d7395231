"""Headrace's own code in publish ids: no module that decides rows is missing in the list."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.code import packages
from headrace.code.modules import file_of, imported
from headrace.stages.row_code import NO_ROWS, ROW_CODE, row_code_digest


def imported_by(module: str) -> set[str]:
    file = file_of(module)
    assert file is not None, f"{module} is listed and does not exist"
    return {name for name in imported(module, file) if name.startswith("headrace.")}


@pytest.mark.parametrize("module", ROW_CODE)
def test_what_a_module_that_decides_rows_imports_is_listed_with_its_part(module: str) -> None:
    unlisted = imported_by(module) - {*ROW_CODE, *NO_ROWS}
    assert not unlisted, f"decide whether these can change rows: {unlisted}"


def test_the_list_of_modules_that_decide_no_rows_has_only_modules_that_are_imported() -> None:
    assert set(NO_ROWS) <= {name for module in ROW_CODE for name in imported_by(module)}
    assert not {*ROW_CODE} & {*NO_ROWS}


def test_a_change_in_our_own_reading_of_files_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = file_of("headrace.landing.frame")
    assert original is not None
    changed = tmp_path / "frame.py"
    code = original.read_text()
    assert 'mode="PERMISSIVE"' in code
    monkeypatch.setattr(packages, "file_of", lambda module: changed if module.endswith("frame") else file_of(module))
    changed.write_text(f"# a comment\n{code}")
    assert row_code_digest.__wrapped__() == row_code_digest()
    changed.write_text(code.replace('mode="PERMISSIVE"', 'mode="DROPMALFORMED"'))
    assert row_code_digest.__wrapped__() != row_code_digest()
