"""Airflow imports declarations every few seconds, so this must import neither Spark nor TensorFlow."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from headrace.lake.publications import PUBLISH_ID

HEAVY = {
    "airflow", "delta", "deltalake", "great_expectations", "horovod", "keras", "lightgbm", "mlflow", "numpy", "pandas",
    "pyarrow", "pyspark", "sklearn", "tensorflow",
}  # fmt: skip


def imported(by: str) -> set[str]:
    """The modules in memory after a fresh interpreter has run some code."""
    code = f"{by}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "by",
    [
        "import headrace.declare",
        "import flights",
        "import headrace.config, headrace.errors, headrace.days",
        "from headrace import declare; from headrace.declare.validate import validate; "
        "validate(declare.load('flights'))",
        "import headrace.cli, headrace.cli.show, headrace.cli.doctor",
        "import headrace.commands, headrace.outcome, headrace.sizing.sizes, headrace.ledger.record",
        "from pathlib import Path; from headrace import backends, config; import headrace.session; "
        "[backends.backend_of(config.load(name, Path('conf'))) for name in ('local', 'staging')]",
        "import headrace.stages.entry",
    ],
)
def test_looking_at_declarations_imports_nothing_heavy(by: str) -> None:
    assert imported(by) & HEAVY == set()


def test_a_declaration_does_not_import_its_transforms_or_its_network() -> None:
    modules = imported("import flights")
    assert "flights" in modules
    assert {m for m in modules if m.startswith("flights.")} == set()


def test_rows_are_shown_without_arrows_data_sets(tmp_path: Path) -> None:
    """Their threads read through Python, and one that still runs at the end aborts the process with code 134."""
    day = dt.date(2026, 1, 2)
    write_deltalake(tmp_path, pa.table({"day": [day], PUBLISH_ID: ["p1"], "note": ["quick"]}), partition_by=["day"])
    modules = imported(
        "import datetime as dt\nfrom deltalake import DeltaTable\nfrom headrace.cli import show\n"
        f"grid = show._sample(DeltaTable({str(tmp_path)!r}), dt.date(2026, 1, 2), 'p1', 1)\n"
        "assert list(grid.columns[2].cells) == ['2026-01-02', 'p1', 'quick'], list(grid.columns[2].cells)"
    )
    assert "pyarrow.dataset" not in modules
