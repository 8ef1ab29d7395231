"""A file is replaced only as it was read, and a log is listed from a name on: on a disk and in S3 alike."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from headrace import storage
from headrace.storage import Place, S3Path

from tests.support.lost_reply import first_reply_lost
from tests.support.s3_server import Server


@pytest.fixture(params=["disk", "S3"])
def root(request: pytest.FixtureRequest, tmp_path: Path, folder: S3Path) -> Place:
    """A folder on a disk, then one in S3."""
    return tmp_path / "root" if request.param == "disk" else folder


def tag_of(file: Place) -> str:
    found = storage.read_tagged(file)
    assert found is not None
    return found[1]


def test_a_file_that_does_not_exist_has_no_tag_and_is_created_once(root: Place) -> None:
    assert storage.read_tagged(root / "index.json") is None
    assert storage.replace_if(root / "index.json", b"first", None)
    assert not storage.replace_if(root / "index.json", b"second", None)
    assert (root / "index.json").read_bytes() == b"first"


def test_a_file_is_replaced_only_under_the_tag_that_it_has(root: Place) -> None:
    storage.replace_if(root / "index.json", b"first", None)
    first = tag_of(root / "index.json")
    assert storage.replace_if(root / "index.json", b"second", first)
    assert not storage.replace_if(root / "index.json", b"third", first)
    content, second = storage.read_tagged(root / "index.json") or (b"", "")
    assert (content, second == first) == (b"second", False)
    assert storage.replace_if(root / "index.json", b"third", second)


def test_a_file_that_was_removed_is_not_written_under_its_old_tag(root: Place) -> None:
    storage.write(root / "index.json", b"first")
    tag = tag_of(root / "index.json")
    storage.remove(root / "index.json")
    assert not storage.replace_if(root / "index.json", b"second", tag)
    assert not (root / "index.json").exists()


def test_of_sixteen_writers_who_read_the_same_file_one_replaces_it(root: Place) -> None:
    storage.write(root / "index.json", b"before")
    tag = tag_of(root / "index.json")
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda n: storage.replace_if(root / "index.json", f"writer {n}".encode(), tag), range(16)))
    assert sum(won) == 1
    assert (root / "index.json").read_text() == f"writer {won.index(True)}"


def test_a_writer_whose_reply_was_lost_finds_that_it_replaced_the_file(
    server: Server, folder: S3Path, through: Callable[[int], None]
) -> None:
    storage.write(folder / "index.json", b"before")
    tag = tag_of(folder / "index.json")
    with first_reply_lost(server.port) as port:
        through(port)
        assert storage.replace_if(folder / "index.json", b"mine", tag)
    through(server.port)
    assert (folder / "index.json").read_bytes() == b"mine"


def test_files_after_a_name_are_listed_in_order_without_folders_and_hidden_files(root: Place) -> None:
    for name in ("01.json", "02.json", "03.json", "index.json", ".04.json.partial", "05/a.json"):
        storage.write(root / name, name.encode())
    assert [file.name for file in storage.files_after(root, "01.json")] == ["02.json", "03.json", "index.json"]
    assert [file.name for file in storage.files_after(root, "")] == ["01.json", "02.json", "03.json", "index.json"]
    assert [file.stat().st_size for file in storage.files_after(root, "03.json")] == [10]
    assert storage.files_after(root / "nothing", "") == []
