"""The lake that several suites copy. It is built once for each state of the code, and kept in ``build/test-lake``.

The suites of Airflow and of the cluster run without PySpark. They call this module by the jobs' Python, and it prints
the lake's folder: ``.venv/bin/python -m tests.support.shared_lake built``.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import JOBS_PYTHON, PROJECT

KEPT = PROJECT / "build" / "test-lake"
# Everything that may decide what the lake holds. More than needed is harmless: then the lake is built again.
SOURCES = ("lib/headrace", "lib/flights", "lib/jvm", "conf", "locks", "setup.cfg", "tests/support")
COPIED = ("raw", "lake", "verified")  # the folders of ``root`` that a copy needs
MAX_AGE_SECONDS = 24 * 3600


def built() -> Path:
    """The folder whose ``inbox`` has all days of ``lakes.DELIVERED`` and whose ``root`` has ``lakes.DAYS`` built.

    Nobody may change it: tests work on a copy.
    """
    return _folder("built")


def landed() -> Path:
    """The same before anything was built: ``root`` has only landed files."""
    return _folder("landed")


def digest(root: Path = PROJECT, sources: Iterable[str] = SOURCES) -> str:
    """SHA-256 over the names and contents of all files that may decide what the lake holds.

    Raises:
        FileNotFoundError: one of ``sources`` has no file, so a change in it would go unnoticed.
    """
    sha = hashlib.sha256(sys.version.encode())
    for source in sources:
        path = root / source
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if _counts(file))
        if not files:
            raise FileNotFoundError(f"{path} has no files: correct SOURCES in {__file__}")
        for file in files:
            sha.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return sha.hexdigest()[:16]


def _counts(file: Path) -> bool:
    return file.is_file() and "__pycache__" not in file.parts and file.suffix not in (".pyc", ".md")


# Of the code as it was when this process loaded it. A file that is changed later does not change this process's code.
OF_THIS_PROCESS = digest()


def keep(folder: Path, make: Callable[[Path], None], is_current: Callable[[], bool] = lambda: True) -> Path:
    """Return ``folder``; if it does not exist, ``make`` fills a temporary folder, which is then renamed.

    A process that dies meanwhile leaves a hidden folder, which nobody takes for a lake. If two processes make the same
    folder, one of them wins. If ``is_current`` is false once ``make`` is done, the folder gets another name, which only
    this caller knows.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        whole = Path(scratch) / folder.name
        whole.mkdir()
        make(whole)
        if not is_current():
            folder = folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}")
        try:
            whole.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def _folder(name: str) -> Path:
    folder = KEPT / OF_THIS_PROCESS / name
    if folder.is_dir():
        return folder
    _remove_old()
    if importlib.util.find_spec("pyspark") is None:
        line = [str(JOBS_PYTHON), "-m", "tests.support.shared_lake", name]
        return Path(subprocess.run(line, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1])
    with _one_process(folder.with_suffix(".lock")):
        return keep(folder, {"landed": _land, "built": _build}[name], lambda: digest() == OF_THIS_PROCESS)


@contextmanager
def _one_process(lock: Path) -> Iterator[None]:
    """Wait until no other process holds this lock: `make test` runs two, and making a lake takes a minute."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _land(folder: Path) -> None:
    from tests.support import lakes

    with tempfile.TemporaryDirectory() as scratch:
        lakes.small_inbox(folder / "inbox", Path(scratch))
    lakes.land(lakes.local_context(folder / "root", folder / "inbox"), lakes.DAYS)


def _build(folder: Path) -> None:
    from tests.support import lakes

    context = lakes.copy_of(lakes.local_context(landed() / "root", landed() / "inbox"), folder)
    lakes.build(context, lakes.FEATURES, lakes.DAYS)


def _remove_old() -> None:
    """Remove the lakes of earlier states of the code, a day after they were made."""
    for path in KEPT.glob("*"):
        if time.time() - path.stat().st_mtime > MAX_AGE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    print(_folder(sys.argv[1]))
