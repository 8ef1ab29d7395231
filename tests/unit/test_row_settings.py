"""Settings in publish ids: those that can change rows, and no size."""

from __future__ import annotations

import pytest
from headrace import declare
from headrace.backends.row_settings import HARMLESS, ROW_SETTINGS, row_settings
from headrace.config import Config
from headrace.config.settings import Build
from headrace.stages.code_digest import code_digest
from headrace.stages.context import StageContext


def digest(config: Config, conf: dict[str, str] | None = None, **spark: object) -> str:
    """The digest of a table's code under other settings."""
    changed = config.spark.model_copy(update={**spark, "conf": {**config.spark.conf, **(conf or {})}})
    context = StageContext(config.model_copy(update={"spark": changed}), declare.load("flights"))
    return code_digest(context, context.use_case.table("flights.legs"))


@pytest.mark.parametrize(
    "conf",
    [
        {"spark.sql.session.timeZone": "America/New_York"},
        {"spark.sql.ansi.enabled": "false"},
        {"spark.sql.caseSensitive": "true"},
        {"spark.sql.legacy.sizeOfNull": "true"},
        {"spark.sql.a.setting.that.nobody.has.judged": "1"},
    ],
    ids=lambda conf: next(iter(conf)),
)
def test_a_setting_that_can_change_rows_changes_ids(config: Config, conf: dict[str, str]) -> None:
    assert digest(config, conf) != digest(config)


def test_sizes_and_partitions_change_no_id(config: Config) -> None:
    conf = {
        "spark.sql.adaptive.enabled": "false",
        "spark.executor.memory": "9g",
        "spark.sql.files.maxPartitionBytes": "1m",
    }
    changed = config.model_copy(update={"build": Build(chunk_mb=7, file_mb=7)})
    assert digest(changed, conf, driver_memory="9g", master="local[7]") == digest(config)


def test_a_setting_at_its_default_counts_as_none(config: Config) -> None:
    assert digest(config, {"spark.sql.ansi.enabled": "TRUE"}) == digest(config)


def test_the_minor_version_of_spark_counts_and_the_last_part_does_not(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for version in ("4.2.0", "4.2.7", "4.3.0"):
        monkeypatch.setattr("importlib.metadata.version", lambda _, version=version: version)
        found.append(row_settings(config)["spark"])
    assert found == ["4.2", "4.2", "4.3"]


def test_no_setting_is_both_listed_and_harmless(config: Config) -> None:
    assert not set(ROW_SETTINGS) - set(row_settings(config))
    assert not set(HARMLESS) & set(ROW_SETTINGS)
