"""The settings that a driver is started with: on a cluster, and on this machine."""

from __future__ import annotations

import pytest
from headrace.backends import backend_of
from headrace.backends.kubernetes.manifest import spark_settings as settings_on_a_cluster
from headrace.backends.local.command import driver_settings, spark_submit
from headrace.backends.spark_settings import common_settings
from headrace.commands import Job, Maintain
from headrace.config import Config
from headrace.storage import S3Path

from tests.support import PROJECT


@pytest.fixture
def in_s3(config: Config) -> Config:
    return config.model_copy(update={"root": S3Path("lake")})


@pytest.fixture
def on_cluster(in_s3: Config) -> Config:
    return in_s3.model_copy(update={"backend": "kubernetes"})


def test_settings_for_s3_name_variables_and_neither_a_server_nor_a_key(
    in_s3: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_S3": "http://10.0.0.7:7070",
        "AWS_ACCESS_KEY_ID": "key-7f3a",
        "AWS_SECRET_ACCESS_KEY": "secret-91bc",
        "AWS_REGION": "eu-test-1",
    }.items():
        monkeypatch.setenv(name, value)
    settings = common_settings(in_s3)
    assert settings["spark.hadoop.fs.s3a.endpoint"] == "${env.AWS_ENDPOINT_URL_S3:-${env.AWS_ENDPOINT_URL:-}}"
    for value in ("10.0.0.7", "key-7f3a", "secret-91bc", "eu-test-1"):
        assert value not in repr(settings)


def test_a_driver_on_a_cluster_does_not_set_what_its_manifest_says(in_s3: Config, on_cluster: Config) -> None:
    of_this_machine = driver_settings(in_s3)
    assert of_this_machine["spark.master"] == "local[2]"
    assert not set(of_this_machine) & set(backend_of(on_cluster).spark_settings())


def test_a_driver_on_this_machine_gets_both_in_a_session_and_from_spark_submit(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    settings = backend_of(config).spark_settings()
    assert settings == {**driver_settings(config), **common_settings(config)}
    line = spark_submit(config, Job.of(Maintain()))
    flags = {
        "--master": "spark.master",
        "--driver-memory": "spark.driver.memory",
        "--driver-class-path": "spark.driver.extraClassPath",
        "--driver-java-options": "spark.driver.extraJavaOptions",
    }
    given = {setting: line[line.index(flag) + 1] for flag, setting in flags.items()}
    given |= dict(line[n + 1].split("=", 1) for n, argument in enumerate(line) if argument == "--conf")
    assert given == settings


def test_an_environment_on_a_disk_has_no_setting_of_s3(config: Config) -> None:
    assert not [name for name in common_settings(config) if "s3a" in name]


def test_delta_commits_exclusively_in_s3_on_a_cluster_and_on_a_disk(config: Config, on_cluster: Config) -> None:
    assert settings_on_a_cluster(on_cluster)["spark.delta.logStore.s3a.impl"] == "io.headrace.delta.S3LogStore"
    assert common_settings(config)["spark.delta.logStore.file.impl"] == "io.headrace.delta.DiskLogStore"


def test_executors_on_a_cluster_report_the_memory_of_their_processes(config: Config, on_cluster: Config) -> None:
    name = "spark.executor.processTreeMetrics.enabled"
    assert backend_of(on_cluster).spark_settings() == settings_on_a_cluster(on_cluster)
    assert settings_on_a_cluster(on_cluster)[name] == "true"
    assert name not in backend_of(config).spark_settings()
