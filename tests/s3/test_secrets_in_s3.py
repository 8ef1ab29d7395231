"""S3's keys stay in the environment variables of the processes that use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from headrace import config as configuration
from headrace.backends.local import command
from headrace.commands import Build, Job, Land
from headrace.config import ConfigSource
from headrace.ledger.record import runs
from headrace.storage import S3Path

from tests.support import PROJECT, lakes
from tests.support.s3_server import Server

SETTINGS = """
import json, urllib.request
from pathlib import Path
import typer
from headrace.config import ConfigSource
from headrace.stages.context import open_context

def main(conf: Path, root: str) -> None:
    context = open_context(ConfigSource(folder=conf, root=root)).spark.sparkContext
    page = urllib.request.urlopen(f"{context.uiWebUrl}/environment/").read().decode()
    api = f"{context.uiWebUrl}/api/v1/applications/{context.applicationId}/environment"
    shown = urllib.request.urlopen(api).read().decode()
    print(json.dumps({"conf": context.getConf().getAll(), "page": page, "api": shown}))

typer.run(main)
"""


@pytest.fixture
def conf(tmp_path: Path, folder: S3Path) -> Path:
    """A configuration whose jobs keep everything in S3, Spark's event logs included."""
    local = yaml.safe_load((PROJECT / "conf" / "local.yaml").read_text())
    logged = {"spark.eventLog.enabled": "true", "spark.eventLog.compress": "false"}
    local["spark"]["conf"] |= logged | {"spark.eventLog.dir": f"s3a://{folder.bucket}/{folder.key}/events"}
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "base.yaml").write_text((PROJECT / "conf" / "base.yaml").read_text())
    (tmp_path / "conf" / "local.yaml").write_text(yaml.safe_dump(local | {"inbox": f"{folder}/inbox"}))
    return tmp_path / "conf"


def output(line: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run(line, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_job_in_s3_shows_its_keys_to_nobody(server: Server, folder: S3Path, conf: Path, tmp_path: Path) -> None:
    lakes.small_inbox(folder / "inbox", tmp_path, lakes.days("01-01", "01-02"))
    source, days = ConfigSource(folder=conf, root=str(folder)), "2013-01-01..2013-01-02"
    config = source.load()
    land, build = (
        command.spark_submit(config, Job.of(stage).with_arguments(source.to_argv()))
        for stage in (Land(days=days), Build(table="flights.legs", days=days))
    )
    environment = command.environment(config)
    lines = output(land, environment) + output(build, environment)
    assert "2013-01-01..2013-01-02" in lines

    events = "".join(file.read_text() for file in (folder / "events").rglob("events_*"))
    rows = "".join(file.read_text() for file in (folder / "ledger").iterdir())
    assert "SparkListenerApplicationEnd" in events
    assert "fs.s3a.secret.key" in events  # Spark copies it there itself, and hides it
    assert [run.stage for run in runs(folder / "ledger")] == ["land", "build"]
    for text in (events, rows, lines, repr(land), repr(build), command.typed(config, build)):
        assert server.key not in text
        assert server.secret not in text
    for text in (repr(build), command.typed(config, build), events):
        assert server.address not in text  # the address of one machine means nothing to the readers of a manifest


@pytest.mark.slow
def test_spark_shows_no_key_among_its_settings(server: Server, folder: S3Path, conf: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(SETTINGS)
    environment = command.environment(configuration.load("local", conf, root=folder))
    shown = output([sys.executable, str(tmp_path / "settings.py"), str(conf), str(folder)], environment)
    assert "spark.hadoop.fs.s3a.endpoint" in shown
    assert server.key not in shown
    assert server.secret not in shown
    assert server.address not in shown
