"""The key and the secret of S3 stay where they came from: in the variables of the processes that use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lakes
import pytest
import yaml
from headrace import config as configuration
from headrace import submit
from headrace.sizing.ledger import runs
from headrace.storage import S3Path
from server import Server

SETTINGS = """
import json, urllib.request
from pathlib import Path
import typer
from headrace.stages import job

def main(conf: Path, root: str) -> None:
    context = job.job("", conf, root).spark.sparkContext
    page = urllib.request.urlopen(f"{context.uiWebUrl}/environment/").read().decode()
    api = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/environment"
    shown = urllib.request.urlopen(api).read().decode()
    print(json.dumps({"conf": context.getConf().getAll(), "page": page, "api": shown}))

typer.run(main)
"""


@pytest.fixture
def conf(tmp_path: Path, folder: S3Path) -> Path:
    """A configuration whose jobs keep all in S3, and leave Spark's event logs there, so that they can be read."""
    local = yaml.safe_load((lakes.PROJECT / "conf" / "local.yaml").read_text())
    logged = {"spark.eventLog.enabled": "true", "spark.eventLog.compress": "false"}
    local["spark"]["conf"] |= logged | {"spark.eventLog.dir": f"s3a://{folder.bucket}/{folder.key}/events"}
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "base.yaml").write_text((lakes.PROJECT / "conf" / "base.yaml").read_text())
    (tmp_path / "conf" / "local.yaml").write_text(yaml.safe_dump(local | {"inbox": f"{folder}/inbox"}))
    return tmp_path / "conf"


def output(line: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run(line, cwd=lakes.PROJECT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_job_in_s3_tells_its_keys_to_nobody(server: Server, folder: S3Path, conf: Path, tmp_path: Path) -> None:
    lakes.small_inbox(folder / "inbox", tmp_path)
    config = configuration.load("local", conf, root=folder)
    where = submit.where("", conf, folder)
    days = ["--days", "2013-01-01..2013-01-02"]
    land = submit.command(config, "jobs/land.py", [*days, *where])
    build = submit.command(config, "jobs/build.py", ["flights.legs", *days, *where])
    environment = submit.environment(config)
    lines = output(land, environment) + output(build, environment)
    assert "2013-01-01..2013-01-02" in lines

    events = "".join(each.read_text() for each in (folder / "events").rglob("events_*"))
    rows = "".join((folder / "ledger" / each.name).read_text() for each in (folder / "ledger").iterdir())
    assert "SparkListenerApplicationEnd" in events
    assert "fs.s3a.secret.key" in events  # Spark copies it there itself, and hides it
    assert [run.stage for run in runs(folder / "ledger")] == ["land", "build"]
    for what in (events, rows, lines, repr(land), repr(build), submit.typed(config, build)):
        assert server.key not in what
        assert server.secret not in what
    for what in (repr(build), submit.typed(config, build), events):
        assert server.address not in what  # nor is it of use where the manifest is read


@pytest.mark.slow
def test_spark_shows_no_key_among_its_settings(server: Server, folder: S3Path, conf: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(SETTINGS)
    environment = submit.environment(configuration.load("local", conf, root=folder))
    shown = output([sys.executable, str(tmp_path / "settings.py"), str(conf), str(folder)], environment)
    assert "spark.hadoop.fs.s3a.endpoint" in shown
    assert server.key not in shown
    assert server.secret not in shown
    assert server.address not in shown
