"""Files in S3 behave like files on a disk. An error says what is wrong, where, and whether to try again."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from headrace import storage
from headrace.errors import StorageError, StorageRefusedError
from headrace.storage import Place, S3Path
from headrace.storage import client as clients

from tests.support.lost_reply import first_reply_lost
from tests.support.s3_server import Server, running

TREE = (
    "flights/2013-12-01/a.csv.gz",
    "flights/2013-12-01/b.csv.gz",
    "flights/2013-12-01/notes.txt",
    "flights/2013-12-02/a.csv.gz",
    "flights.txt",
    "lake/flights/legs/_delta_log/00.json",
    "lake/flights/legs/flight_date=2013-12-01/part-0.parquet",
    "z.json",
)


def grown(root: Place) -> Place:
    """Write the files of ``TREE`` below ``root``; each holds its own path."""
    for path in TREE:
        storage.write(root / path, path.encode())
    return root


@pytest.fixture(params=["disk", "S3"])
def root(request: pytest.FixtureRequest, tmp_path: Path, folder: S3Path) -> Place:
    """A folder on a disk, then one in S3."""
    return tmp_path / "root" if request.param == "disk" else folder


@pytest.fixture
def reconnect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that makes a new client of this process, with other variables and little patience."""

    def renew(**variables: str) -> None:
        monkeypatch.setattr(clients, "ATTEMPTS", 1)
        monkeypatch.setattr(clients, "PATIENCE_SECONDS", 1)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        clients.client.cache_clear()

    yield renew
    monkeypatch.undo()
    clients.client.cache_clear()


def nobody_listens() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_file_is_read_as_it_was_written_last(root: Place) -> None:
    storage.write(root / "a" / "b.txt", b"first")
    storage.write(root / "a" / "b.txt", "zweite Fassung, länger".encode())
    assert (root / "a" / "b.txt").read_text(encoding="utf-8") == "zweite Fassung, länger"
    assert (root / "a" / "b.txt").stat().st_size == 23
    assert abs((root / "a" / "b.txt").stat().st_mtime - time.time()) < 60


def test_of_sixteen_writers_who_want_a_name_one_gets_it(root: Place) -> None:
    def try_it(number: int) -> int | None:
        try:
            storage.create(root / "0001.json", f"writer {number}".encode())
        except FileExistsError:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        won = [number for number in pool.map(try_it, range(16)) if number is not None]
    assert len(won) == 1
    assert (root / "0001.json").read_text() == f"writer {won[0]}"


def test_who_wrote_a_name_and_lost_the_reply_finds_that_it_is_his(
    server: Server, folder: S3Path, reconnect: Callable[..., None]
) -> None:
    with first_reply_lost(server.port) as port:
        reconnect(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{port}")
        storage.create(folder / "0001.json", b"mine")
    reconnect(AWS_ENDPOINT_URL_S3=server.address)
    with pytest.raises(FileExistsError, match=r"0001\.json"):
        storage.create(folder / "0001.json", b"another's")
    assert (folder / "0001.json").read_bytes() == b"mine"


PATTERNS = (
    "*",
    "*.json",
    "f*",
    "z.json",
    "none/*",
    "flights/*",
    "flights/2013-12-01",
    "flights/2013-12-01/*.csv.gz",
    "flights/2013-12-0[2-9]/*",
    "*/*/a.csv.gz",
    "lake/*/*/_delta_log",
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_finds_in_s3_what_it_finds_on_a_disk(pattern: str, tmp_path: Path, folder: S3Path) -> None:
    found = [sorted(storage.below(root, path) for path in grown(root).glob(pattern)) for root in (tmp_path, folder)]
    assert found[1] == found[0]


@pytest.mark.parametrize("below", ["", "flights", "flights/2013-12-01", "lake/flights"])
def test_a_folder_lists_in_s3_what_it_lists_on_a_disk(below: str, tmp_path: Path, folder: S3Path) -> None:
    disk, s3 = (grown(root) / below for root in (tmp_path, folder))
    assert [path.name for path in s3.iterdir()] == sorted(path.name for path in disk.iterdir())
    files = sorted(str(path.relative_to(str(disk))) for path in disk.rglob("*.csv.gz") if path.is_file())
    assert sorted(storage.below(s3, path) for path in s3.rglob("*.csv.gz")) == files


def test_a_file_is_a_file_a_folder_a_folder_and_nothing_is_neither(root: Place) -> None:
    grown(root)
    paths = [root / path for path in ("z.json", "flights/2013-12-01", "flights", "flight", "flights/2013-12-01/a.csv")]
    assert [path.is_file() for path in paths] == [True, False, False, False, False]
    assert [path.is_dir() for path in paths] == [False, True, True, False, False]
    assert [path.exists() for path in paths] == [True, True, True, False, False]


def test_a_listing_of_more_than_a_page_is_whole(folder: S3Path) -> None:
    names = [f"{number:04}.json" for number in range(1100)]
    storage.for_each(folder, lambda name: storage.write(folder / "many" / name, b"{}"), names)
    assert [path.name for path in (folder / "many").iterdir()] == names
    storage.remove(folder / "many")
    assert not (folder / "many").exists()


def test_what_is_uploaded_comes_down_the_same(root: Place, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(20 * 2**20))  # S3 takes it in parts
    storage.upload(large, root / "models" / "large.bin")
    assert storage.download(root / "models" / "large.bin", tmp_path / "back.bin").read_bytes() == large.read_bytes()
    with storage.local_copy(root / "models" / "large.bin") as copy:
        assert copy.name == "large.bin"
        assert copy.stat().st_size == 20 * 2**20


def test_a_folder_comes_down_whole_and_what_is_not_there_is_said_to_be_missing(root: Place, tmp_path: Path) -> None:
    storage.download(grown(root) / "flights", tmp_path / "copy")
    files = sorted(str(p.relative_to(tmp_path / "copy")) for p in (tmp_path / "copy").rglob("*") if p.is_file())
    assert files == sorted(path.removeprefix("flights/") for path in TREE if path.startswith("flights/"))
    assert (tmp_path / "copy" / "2013-12-02" / "a.csv.gz").read_text() == "flights/2013-12-02/a.csv.gz"
    with pytest.raises(FileNotFoundError, match="nothing"):
        storage.download(root / "nothing", tmp_path / "none")


def test_removing_takes_a_folder_with_all_below_and_nothing_beside(root: Place) -> None:
    storage.remove(grown(root) / "flights")
    storage.remove(root / "nothing")
    storage.remove(root / "z.json")
    left = sorted(storage.below(root, path) for path in root.rglob("*") if path.is_file())
    assert left == ["flights.txt", *(path for path in TREE if path.startswith("lake/"))]
    with pytest.raises(FileNotFoundError):
        (root / "z.json").unlink()


def test_a_folder_is_published_once_and_its_last_file_comes_last(root: Place, tmp_path: Path) -> None:
    source = tmp_path / "version"
    grown(source)
    storage.publish_folder(source, root / "models" / "0001", "z.json")
    with pytest.raises(FileExistsError):
        storage.publish_folder(source, root / "models" / "0001", "z.json")
    files = {storage.below(root, path): path for path in (root / "models" / "0001").rglob("*") if path.is_file()}
    assert set(files) == {f"models/0001/{path}" for path in TREE}
    if storage.on_s3(root):
        assert max(path.stat().st_mtime for path in files.values()) == files["models/0001/z.json"].stat().st_mtime


def test_a_wrong_key_is_refused_for_good(folder: S3Path, reconnect: Callable[..., None]) -> None:
    storage.write(folder / "a", b"a")
    reconnect(AWS_SECRET_ACCESS_KEY="wrong")
    for act in ((folder / "a").read_bytes, lambda: storage.write(folder / "a", b"b")):
        with pytest.raises(StorageRefusedError, match=rf"{folder}/a: S3 refuses"):
            act()


@pytest.mark.parametrize("missing", ["no-such-bucket-here", "no"])  # nor can one of two letters be
def test_a_missing_bucket_is_told_by_its_name_and_not_tried_again(bucket: S3Path, tmp_path: Path, missing: str) -> None:
    (tmp_path / "a").write_bytes(b"a")
    other = S3Path(missing) / "a"
    for act in (
        other.read_bytes,
        lambda: list(other.parent.iterdir()),
        lambda: storage.write(other, b"a"),
        lambda: storage.create(other, b"a"),
        lambda: storage.upload(tmp_path / "a", other),
    ):
        with pytest.raises(StorageRefusedError, match=f"the bucket of s3://{missing}.* does not exist"):
            act()


def test_a_server_that_does_not_answer_is_told_within_seconds_and_may_be_tried_again(
    folder: S3Path, reconnect: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    reconnect(AWS_ENDPOINT_URL_S3=nobody_listens())
    began = time.monotonic()
    for act in (
        (folder / "a").read_bytes,
        lambda: storage.upload(tmp_path / "a", folder / "a"),
        lambda: storage.download(folder / "a", tmp_path / "b"),
    ):
        with pytest.raises(StorageError, match=rf"{folder}/a cannot be reached"):
            act()
    assert time.monotonic() - began < 20


def test_sixteen_requests_at_once_bridge_half_a_minute_without_a_server(
    folder: S3Path, reconnect: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key, secret = (os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    (tmp_path / folder.bucket).mkdir()
    with running(tmp_path, key, secret) as away:
        reconnect(AWS_ENDPOINT_URL_S3=away.address)
        monkeypatch.setattr(clients, "PATIENCE_SECONDS", 60)
        away.stop()
        back = threading.Timer(30, away.start)
        back.start()
        storage.for_each(folder, lambda number: storage.write(folder / str(number), b"a"), range(16))
        back.join()
        assert sorted(path.name for path in folder.iterdir()) == sorted(map(str, range(16)))


def test_without_keys_it_says_which_variables_are_wanted(folder: S3Path, reconnect: Callable[..., None]) -> None:
    nowhere = "/nonexistent"
    reconnect(
        AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_SHARED_CREDENTIALS_FILE=nowhere, AWS_CONFIG_FILE=nowhere
    )
    with pytest.raises(StorageRefusedError, match="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        (folder / "a").read_bytes()
