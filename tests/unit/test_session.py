"""What a driver is started with: the same for a manifest and for this machine, but for what each says itself."""

from __future__ import annotations

import pytest
from headrace.config import Config
from headrace.session import of_this_machine, settings
from headrace.storage import S3Path


@pytest.fixture
def in_s3(config: Config) -> Config:
    return config.model_copy(update={"root": S3Path("lake")})


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
    told = settings(in_s3)
    assert told["spark.hadoop.fs.s3a.endpoint"] == "${env.AWS_ENDPOINT_URL_S3:-${env.AWS_ENDPOINT_URL:-}}"
    for value in ("10.0.0.7", "key-7f3a", "secret-91bc", "eu-test-1"):
        assert value not in repr(told)


def test_what_a_manifest_says_is_no_setting(in_s3: Config) -> None:
    own = of_this_machine(in_s3)
    assert own["spark.master"] == "local[2]"
    assert not set(own) & set(settings(in_s3.model_copy(update={"backend": "kubernetes"})))


def test_an_environment_on_a_disk_has_no_setting_of_s3(config: Config) -> None:
    assert not [name for name in settings(config) if "s3a" in name]


def test_executors_on_a_cluster_tell_what_their_processes_hold(config: Config) -> None:
    name = "spark.executor.processTreeMetrics.enabled"
    assert settings(config.model_copy(update={"backend": "kubernetes"}))[name] == "true"
    assert name not in settings(config)
