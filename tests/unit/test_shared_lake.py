"""The shared lake is always made from the code as it is, and always whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import PROJECT, shared_lake


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("lib/headrace/a.py", "lib/headrace/b/contract.yaml", "conf/base.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}")
    return tmp_path


def digest(project: Path) -> str:
    return shared_lake.digest(project, ("lib/headrace", "conf"))


def test_any_changed_added_renamed_or_removed_file_is_another_lake(project: Path) -> None:
    seen = [digest(project)]
    (project / "lib/headrace/a.py").write_text("# other")
    seen.append(digest(project))
    (project / "lib/headrace/new.py").touch()
    seen.append(digest(project))
    (project / "lib/headrace/new.py").rename(project / "lib/headrace/newer.py")
    seen.append(digest(project))
    (project / "lib/headrace/b/contract.yaml").unlink()
    seen.append(digest(project))
    (project / "conf/base.yaml").write_text("seed: 2")
    seen.append(digest(project))
    assert len(set(seen)) == len(seen)


def test_compiled_files_change_nothing(project: Path) -> None:
    before = digest(project)
    (project / "lib/headrace/__pycache__").mkdir()
    (project / "lib/headrace/__pycache__/a.cpython-311.pyc").write_bytes(b"code")
    assert digest(project) == before


def test_a_source_without_files_is_an_error(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match="lib/moved"):
        shared_lake.digest(project, ("lib/headrace", "lib/moved"))


def test_every_source_of_the_shared_lake_exists() -> None:
    assert shared_lake.digest(PROJECT) == shared_lake.digest(PROJECT)


def test_a_lake_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "rows").write_text("1")

    for _ in range(2):
        assert (shared_lake.keep(tmp_path / "digest" / "built", make) / "rows").read_text() == "1"
    assert len(made) == 1


def test_a_lake_whose_making_fails_is_not_kept(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "rows").write_text("half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        shared_lake.keep(tmp_path / "built", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_lake_whose_code_was_changed_meanwhile_is_for_one_process_only(tmp_path: Path) -> None:
    folder = shared_lake.keep(tmp_path / "built", lambda folder: (folder / "rows").touch(), lambda: False)
    assert (folder / "rows").exists()
    assert not (tmp_path / "built").exists()


def test_of_two_processes_that_make_a_lake_one_wins(tmp_path: Path) -> None:
    def make_second(folder: Path) -> None:
        shared_lake.keep(tmp_path / "built", lambda other: (other / "rows").write_text("first"))  # type: ignore[func-returns-value]
        (folder / "rows").write_text("second")

    assert (shared_lake.keep(tmp_path / "built", make_second) / "rows").read_text() == "first"
