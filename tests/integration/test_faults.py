"""What the errors of a use case's code and of Spark mean, as Spark raises them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from headrace.errors import ArtefactError, HeadraceError, OutOfMemoryError, QueryError, UseCaseError
from headrace.faults import translated
from pyspark import cloudpickle
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

pytestmark = pytest.mark.slow
CODE = """\
import json
import os

from headrace.errors import ArtefactError
from pyspark.sql import functions as F


def in_the_driver(frame):
    return frame.withColumn("price", F.lit(json.loads("no JSON")))


def an_unknown_column(frame):
    return frame.select("no_such_column")


def an_unreadable_condition(frame):
    return frame.filter("id == = 3")


def parsed(text):
    return {"a": 1}[text]


def in_a_worker(frame):
    return frame.withColumn("price", F.udf(parsed, "int")(F.lit("b")))


def changed(text):
    raise ArtefactError("model.keras has changed", "Restore it")


def ours_in_a_worker(frame):
    return frame.withColumn("price", F.udf(changed, "int")(F.lit("b")))


def killed(text):
    os._exit(9)


def a_worker_that_is_killed(frame):
    return frame.withColumn("price", F.udf(killed, "int")(F.lit("b")))


def huge(text):
    return len(bytearray(1 << 50))


def too_large_in_a_worker(frame):
    return frame.withColumn("price", F.udf(huge, "int")(F.lit("b")))


def too_large_in_the_driver(frame):
    return frame.withColumn("price", F.lit(huge("b")))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A use case's package; its functions travel to workers by value, which keeps the names of their files."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").write_text("")
    (folder / "shop" / "transforms.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        module = importlib.import_module("shop.transforms")
        cloudpickle.register_pickle_by_value(module)
        yield module
        cloudpickle.unregister_pickle_by_value(module)


def line(text: str) -> int:
    """The number of the line of ``CODE`` that has this text."""
    return next(number for number, content in enumerate(CODE.splitlines(), 1) if text in content)


def collected(spark: SparkSession, transform: Callable[[DataFrame], DataFrame]) -> None:
    with translated("shop"):
        transform(spark.range(3)).select("price").collect()


@pytest.mark.parametrize(
    ("name", "place", "why"),
    [
        ("in_the_driver", ("json.loads", "in_the_driver"), "JSONDecodeError: Expecting value: line 1 column 1"),
        ("an_unknown_column", ("no_such_column", "an_unknown_column"), "AnalysisException: [UNRESOLVED_COLUMN"),
        ("an_unreadable_condition", ("id == =", "an_unreadable_condition"), "ParseException: [PARSE_SYNTAX_ERROR]"),
        ("in_a_worker", ('{"a": 1}', "parsed"), "KeyError: 'b'"),
    ],
)
def test_an_error_of_the_use_case_names_module_line_and_function(
    name: str, place: tuple[str, str], why: str, spark: SparkSession, shop: ModuleType
) -> None:
    with pytest.raises(UseCaseError) as raised:
        collected(spark, getattr(shop, name))
    said = f"UseCaseError: shop.transforms, line {line(place[0])}, in {place[1]}: {why}"
    assert f"{type(raised.value).__name__}: {raised.value}".startswith(said)
    assert raised.value.exit_code == 65
    assert raised.value.__cause__ is not None


def test_an_error_of_ours_in_a_worker_arrives_as_itself(spark: SparkSession, shop: ModuleType) -> None:
    with pytest.raises(ArtefactError, match=r"model\.keras has changed\. Restore it"):
        collected(spark, shop.ours_in_a_worker)


def test_a_lost_worker_stays_unexpected(spark: SparkSession, shop: ModuleType) -> None:
    with pytest.raises(Exception, match="worker exited unexpectedly") as raised:
        collected(spark, shop.a_worker_that_is_killed)
    assert not isinstance(raised.value, HeadraceError)


@pytest.mark.parametrize("name", ["too_large_in_a_worker", "too_large_in_the_driver"])
def test_a_use_case_whose_memory_runs_out_is_told_so_and_not_that_its_code_is_wrong(
    name: str, spark: SparkSession, shop: ModuleType
) -> None:
    with pytest.raises(OutOfMemoryError, match="memory ran out: MemoryError") as raised:
        collected(spark, getattr(shop, name))
    assert raised.value.exit_code == 71


def test_a_query_outside_of_the_use_case_names_the_line_that_runs_it(spark: SparkSession) -> None:
    for wrong, why in ((F.col("nope"), "UNRESOLVED_COLUMN"), (F.lit(1) / F.lit(0), "DIVIDE_BY_ZERO")):
        with pytest.raises(QueryError, match=re.escape(why)) as raised, translated("shop"):
            spark.range(3).select(wrong).collect()
        assert re.search(r"test_faults, line \d+, in test_a_query_outside", raised.value.what)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ConnectionResetError()])
def test_a_machine_that_has_no_room_or_lost_a_process_is_not_the_use_case_s_fault(
    error: Exception, spark: SparkSession, shop: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: str) -> None:
        raise error

    monkeypatch.setattr(shop.json, "loads", fails)
    with pytest.raises(type(error)):
        collected(spark, shop.in_the_driver)
