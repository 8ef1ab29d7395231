"""Listing what lies below a folder on a disk: what vanishes is passed over, and a failure of the disk is not."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from headrace.storage import below_matching


def test_a_folder_that_the_disk_fails_to_list_does_not_count_as_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "day").mkdir()
    listed = os.scandir

    def fails(folder: Any) -> Any:
        if Path(folder).name == "day":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", fails)
    with pytest.raises(OSError, match="Input/output error"):
        list(below_matching(tmp_path))


def test_a_missing_folder_and_a_file_have_nothing_below_them(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert [*below_matching(tmp_path / "missing"), *below_matching(file)] == []
