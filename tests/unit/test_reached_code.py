"""What a table's digest covers besides its own package: shared packages, data files, and what the table declares."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from headrace import declare
from headrace.declare import File, Package, Table, Version, resolve
from headrace.declare.validate import validate
from headrace.errors import CodeChangedError, DeclarationError
from headrace.stages.code_digest import use_case_digest

FILES = {
    "mill/__init__.py": """
from headrace.declare import Check, Feed, Table
grain = Feed("grain", "grain/{day}/*.csv", columns="grain.yaml")
flour = Table("mill.flour", [grain], "make.flour:flour", "flour.yaml", "day", ["day", "id"],
              checks=[Check("id > 0"), Check(suite="flour.json", on_fail="refuse")])
""",
    "mill/make/__init__.py": "",
    "mill/make/flour.py": """
from pathlib import Path
import numpy
import bought.sieve
from team import units

def flour(grain):
    here = Path(__file__).parent
    return grain, (here / "data" / "codes.csv").read_text(), here.parent.joinpath("kinds", "all.csv")
""",
    "mill/make/data/codes.csv": "a,1\n",
    "mill/make/data/unused.csv": "",
    "mill/kinds/all.csv": "wheat\n",
    "mill/grain.yaml": "columns: {id: int, day: date}\n",
    "mill/flour.yaml": "columns: {day: date not null, id: int not null, known_at: timestamp not null}\n",
    "mill/flour.json": '{"name": "flour", "expectations": [{"type": "e", "kwargs": {}}], "meta": {}}',
    "mill/extra/rates.bin": "1",
    "team/__init__.py": "SCALE = 1\n",
    "team/units.py": "from team import tons\nGRAM = 1\n",
    "team/tons.py": "TON = 1000\n",
    "team/unused.py": "",
    "site-packages/bought/__init__.py": "",
    "site-packages/bought/sieve.py": "MESH = 3\n",
}
GOLDEN = "f59cdd994a62699eee298503159be54955b95446642241324baed0d371706a1f"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """The use case is written; the function changes one of its files."""

    def written(name: str, text: str) -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in FILES.items():
        written(name, text)
    yield written
    for module in [m for m in sys.modules if m.partition(".")[0] in ("mill", "team", "bought", "plain")]:
        del sys.modules[module]


def digest(*depends_on: File | Package | Version) -> str:
    use_case = declare.load("mill")
    return use_case_digest(use_case, replace(use_case.table("mill.flour"), depends_on=list(depends_on)))


def test_the_digest_of_a_table_does_not_change(write: Callable[[str, str], None]) -> None:
    assert digest() == GOLDEN, "with another digest, every published day of every table is stale"


@pytest.mark.parametrize("module", ["team/units.py", "team/tons.py", "team/__init__.py", "mill/make/__init__.py"])
def test_shared_code_outside_of_the_use_case_counts(write: Callable[[str, str], None], module: str) -> None:
    before = digest()
    write(module, FILES[module] + "# a comment\n")
    assert digest() == before
    write(module, FILES[module] + "changed = True\n")
    assert digest() != before


@pytest.mark.parametrize("file", ["mill/make/data/codes.csv", "mill/kinds/all.csv"])
def test_a_data_file_that_the_code_names_counts(write: Callable[[str, str], None], file: str) -> None:
    before = digest()
    write(file, "b,2\n")
    assert digest() != before


INDIRECT = {
    "import_module": "import importlib\ndef flour(grain):\n    return importlib.import_module('team.unused')\n",
    "a relative import_module": "from importlib import import_module\nother = import_module('..other', __package__)\n",
    "__import__": "other = __import__('team.unused')\n",
    "all of a package": "from team.whole import *\n",
    "a namespace": "from plain.deep import part\n",
    "a function's import": "def flour(grain):\n    from team import unused\n    return unused\n",
    "a decorator": "import team.unused as u\n@u.known\ndef flour(grain):\n    return grain\n",
}


@pytest.mark.parametrize("way", INDIRECT)
def test_code_counts_in_whatever_way_it_is_imported(write: Callable[[str, str], None], way: str) -> None:
    write("team/whole/__init__.py", "__all__ = ['part']\n")
    reached = ("team/unused.py", "mill/other.py", "team/whole/part.py", "plain/deep/part.py")
    for module in reached:
        write(module, "")
    write("mill/make/flour.py", INDIRECT[way])
    before = digest()
    for module in reached:
        write(module, "changed = 1\n")
    assert digest() != before


DATA = {
    "a folder": "from pathlib import Path\nfiles = [*(Path(__file__).parent / 'rates').glob('*.csv')]\n",
    "a name with a part in braces": "def path(year):\n    return f'rates/{year}.csv'\n",
    "a package's resource": "from importlib.resources import files\ntext = files('team.data').joinpath('r.csv')\n",
    "pkgutil": "import pkgutil\ntext = pkgutil.get_data('team', 'data/r.csv')\n",
    "a compiled module": "from team import fast\n",
}


@pytest.mark.parametrize("way", DATA)
def test_what_code_reads_besides_python_counts(write: Callable[[str, str], None], way: str) -> None:
    read = ("mill/make/rates/2026.csv", "team/data/r.csv", f"team/fast{EXTENSION_SUFFIXES[0]}")
    for file in read:
        write(file, "1")
    write("mill/make/flour.py", DATA[way])
    before = digest()
    for file in read:
        write(file, "2")
    assert digest() != before


def test_a_folder_that_only_has_the_name_of_a_word_and_the_package_itself_do_not_count(
    write: Callable[[str, str], None],
) -> None:
    write("mill/make/flour.py", "words = ['.', '..', '/', 'rates/../..']\n")
    before = digest()
    write("mill/make/new.csv", "1")
    write("mill/new.csv", "1")
    assert digest() == before


def test_what_an_editor_leaves_in_a_folder_of_data_does_not_count(write: Callable[[str, str], None]) -> None:
    write("mill/make/flour.py", "def flour(grain):\n    return 'rates'\n")
    write("mill/make/rates/2026.csv", "1")
    before = digest()
    write("mill/make/rates/.ipynb_checkpoints/2026.csv", "1")
    assert digest() == before


def test_code_that_changes_after_it_was_loaded_is_refused(write: Callable[[str, str], None]) -> None:
    write("mill/make/flour.py", "from team import units\ndef flour(grain):\n    return grain\n")
    resolve.function("mill", "make.flour:flour")
    write("team/units.py", FILES["team/units.py"] + "# a comment\n")
    resolve.function("mill", "make.flour:flour")
    write("team/units.py", FILES["team/units.py"] + "KILO = 1000\n")
    with pytest.raises(
        CodeChangedError, match=r"^the code of mill\.make\.flour has changed since .* start the command"
    ):
        resolve.function("mill", "make.flour:flour")


@pytest.mark.parametrize(
    "file", ["mill/make/data/unused.csv", "team/unused.py", "site-packages/bought/sieve.py", "mill/extra/rates.bin"]
)
def test_what_a_transform_neither_imports_nor_names_does_not_count(
    write: Callable[[str, str], None], file: str
) -> None:
    before = digest()
    write(file, "changed = 2\n")
    assert digest() == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mill/grain.yaml", "# what the mill gets\ncolumns:\n  id: int\n  day: date\n"),
        (
            "mill/flour.json",
            '{"expectations":\n[{"kwargs": {}, "type": "e", "meta": {"notes": "why"}}], "name": "flour"}',
        ),
    ],
)
def test_the_layout_and_the_comments_of_a_contract_or_a_suite_do_not_count(
    write: Callable[[str, str], None], file: str, text: str
) -> None:
    before = digest()
    write(file, text)
    assert digest() == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mill/grain.yaml", "columns: {id: bigint, day: date}\n"),
        ("mill/grain.yaml", "columns: {day: date, id: int}\n"),
        ("mill/flour.json", '{"name": "flour", "expectations": []}'),
    ],
)
def test_what_a_contract_or_a_suite_says_counts(write: Callable[[str, str], None], file: str, text: str) -> None:
    before = digest()
    write(file, text)
    assert digest() != before


def test_a_declared_file_counts_by_its_content(write: Callable[[str, str], None]) -> None:
    before = digest(File("extra/rates.bin"))
    assert before != digest()
    write("mill/extra/rates.bin", "2")
    assert digest(File("extra/rates.bin")) != before


def test_a_declared_package_counts_by_what_its_code_does(write: Callable[[str, str], None]) -> None:
    before = digest(Package("bought"))
    write("site-packages/bought/sieve.py", "MESH = 3  # millimetres\n")
    assert digest(Package("bought")) == before
    write("site-packages/bought/sieve.py", "MESH = 4\n")
    assert digest(Package("bought")) != before


def test_a_declared_distribution_counts_by_its_version(
    write: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(Version("pandas"))
    monkeypatch.setattr(metadata, "version", lambda _: "0.1")
    assert digest(Version("pandas")) != before


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ('File("extra/rate.bin")', r"the file 'extra/rate\.bin' does not exist\. Did you mean 'extra/rates\.bin'\?"),
        ('Package("boughd")', r"the package boughd has no files to take a digest of\. It must be importable"),
        ('Version("panda")', r"'panda' is not installed\. Did you mean 'pandas'\?"),
    ],
)
def test_an_input_that_does_not_exist_is_named_with_its_line(
    write: Callable[[str, str], None], tmp_path: Path, declared: str, reason: str
) -> None:
    code = FILES["mill/__init__.py"].replace("Feed,", "Feed, File, Package, Version,")
    write("mill/__init__.py", code.replace("checks=[", f"depends_on=[{declared}],\n              checks=["))
    with pytest.raises(DeclarationError, match=rf"^{tmp_path}/mill/__init__\.py:5: {reason}"):
        validate(declare.load("mill"))


def test_a_text_is_not_an_input() -> None:
    with pytest.raises(ValueError, match="depends_on"):
        Table("mill.flour", [], "make:flour", "c.yaml", "day", ["day"], depends_on=["codes.csv"])  # type: ignore[list-item]
