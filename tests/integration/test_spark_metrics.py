"""What the row of a run says of Spark: a real application whose executor is a process of its own, as on a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest
from headrace.sizing.ledger import Run, recorded, runs

PROJECT = Path(__file__).parents[2]
JOB = """
import sys, time
from pathlib import Path
from pyspark.sql import functions as F
from headrace import config as configuration
from headrace.session import spark_session
from headrace.sizing.ledger import recorded

local = configuration.load("local")
conf = {"spark.executor.memory": "600m", "spark.executor.processTreeMetrics.enabled": "true",
        "spark.executor.heartbeatInterval": "1s"}
one_executor = local.spark.model_copy(update={"master": "local-cluster[1,1,600]", "conf": conf})
local = local.model_copy(update={"spark": one_executor})
spark = spark_session(local, "metrics")
folder = sys.argv[1]
spark.range(200_000).write.parquet(f"{folder}/before")
with recorded(Path(folder) / "ledger", "build", "x", "2013-12-01"):
    rows = spark.read.parquet(f"{folder}/before").repartition(1)
    rows.select(F.udf(lambda v: v % 7, "long")("id")).write.parquet(f"{folder}/after")
    time.sleep(4)  # the executor tells of its processes with its heartbeats
spark.stop()
"""


def _spark_home(folder: Path) -> Path:
    """Spark as it is installed, in a folder where its executors may work."""
    folder.mkdir()
    for part in Path(pyspark.__file__).parent.iterdir():
        if part.name != "work":
            (folder / part.name).symlink_to(part)
    return folder


def test_a_run_tells_what_each_container_used_and_what_spark_read_and_wrote(tmp_path: Path) -> None:
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(PROJECT / "lib")}
    environment["SPARK_HOME"] = str(_spark_home(tmp_path / "spark"))
    line = [sys.executable, "-c", JOB, str(tmp_path)]
    told = subprocess.run(line, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert told.returncode == 0, told.stderr
    (run,) = runs(tmp_path / "ledger")
    written = sum(p.stat().st_size for p in (tmp_path / "after").glob("*.parquet"))
    read = sum(p.stat().st_size for p in (tmp_path / "before").glob("*.parquet"))
    assert run.bytes_out == written  # and not what was written before the run began
    assert 0 < run.bytes_in <= 2 * read
    assert set(run.containers) == {"driver", "0"}
    for container in run.containers.values():
        assert container.jvm_bytes > 100_000_000
        assert container.python_bytes > 20_000_000
        assert container.cpu_seconds > 0
    assert run.cpu_seconds == pytest.approx(sum(c.cpu_seconds for c in run.containers.values()))
    assert run.size["spark.executor.memory"] == "600m"


def test_a_run_says_which_size_and_image_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SIZE", '{"executors": 2}')
    monkeypatch.setenv("HEADRACE_IMAGE_ID", "sha256:12ab")
    with recorded(tmp_path, "land", "x", "2013-12-01"):
        pass
    (run,) = runs(tmp_path)
    assert (run.size, run.image) == ({"executors": 2}, "sha256:12ab")


def test_a_row_of_before_the_containers_were_told_is_still_read(tmp_path: Path) -> None:
    with recorded(tmp_path, "land", "x", "2013-12-01"):
        pass
    (path,) = tmp_path.glob("*.json")
    old = ("id", "stage", "of", "days", "started_at", "seconds", "peak_bytes", "outcome", "facts")
    row = {name: value for name, value in json.loads(path.read_text()).items() if name in old}
    path.write_text(json.dumps(row))
    (run,) = runs(tmp_path)
    assert run == Run(**row)
    assert run.containers == {}
