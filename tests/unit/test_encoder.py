"""How the encoder treats values that the training days had, and values that they lacked."""

from __future__ import annotations

import decimal
import math

import numpy as np
import pyarrow as pa
import pytest
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedCyclic, FittedNumber
from headrace.errors import ArtefactError, ContractError


@pytest.fixture
def encoder() -> Encoder:
    return Encoder(
        inputs=(
            FittedNumber(column="wind", mean=10.0, std=2.0, clip=3.0),
            FittedCategory(column="carrier", vocabulary=("AA", "UA")),
            FittedCyclic(column="minute", period=1440.0),
        )
    )


def batch(**columns: object) -> pa.RecordBatch:
    rows = {"wind": [10.0], "carrier": ["AA"], "minute": [0]} | columns
    return pa.record_batch({name: v if isinstance(v, pa.Array) else pa.array(v) for name, v in rows.items()})


def test_a_value_that_was_not_seen_and_a_missing_one_get_the_id_0(encoder: Encoder) -> None:
    columns = {"carrier": ["UA", "AA", "ZZ", None], "wind": [1.0] * 4, "minute": [0] * 4}
    assert encoder.encode(batch(**columns)).ids.tolist() == [[2], [1], [0], [0]]


def test_a_number_becomes_its_clipped_z_score(encoder: Encoder) -> None:
    columns = {"wind": [12.0, 10.0, 100.0, -100.0], "carrier": ["AA"] * 4, "minute": [0] * 4}
    assert encoder.encode(batch(**columns)).dense[:, :2].tolist() == [[1, 0], [0, 0], [3, 0], [-3, 0]]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_a_finite_number_is_the_mean_and_flagged(encoder: Encoder, value: float | None) -> None:
    dense = encoder.encode(batch(wind=pa.array([value], pa.float64()), minute=pa.array([value], pa.float64()))).dense
    assert dict(zip(encoder.dense_names, dense[0].tolist(), strict=True)) == {
        "wind": 0, "wind_missing": 1, "minute_sin": 0, "minute_cos": 0, "minute_missing": 1,
    }  # fmt: skip


def test_the_end_of_a_period_lies_beside_its_beginning(encoder: Encoder) -> None:
    dense = encoder.encode(batch(wind=[1.0] * 3, carrier=["AA"] * 3, minute=[0, 360, 1440])).dense
    np.testing.assert_allclose(dense[:, 2:4], [[0, 1], [1, 0], [0, 1]], atol=1e-6)


@pytest.mark.parametrize(
    "wind", [[True], [1], [decimal.Decimal("1.00")], pa.array([1], pa.int16()), pa.array([1.0], pa.float32())]
)
def test_any_type_of_number_is_encoded_alike(encoder: Encoder, wind: object) -> None:
    assert encoder.encode(batch(wind=wind)).dense[0, 0] == -3.0


def test_an_encoder_survives_json_and_keeps_its_digest(encoder: Encoder) -> None:
    again = Encoder.from_json(encoder.to_json())
    assert again == encoder
    assert again.digest == encoder.digest


def test_the_json_of_an_earlier_release_is_read_as_it_was_and_keeps_its_digest(encoder: Encoder) -> None:
    lines = """{
     "inputs": [
      {"column": "wind", "kind": "number", "mean": 10.0, "std": 2.0, "clip": 3.0},
      {"column": "carrier", "kind": "category", "vocabulary": ["AA", "UA"]},
      {"column": "minute", "kind": "cyclic", "period": 1440.0}
     ]
    }"""
    assert Encoder.from_json(lines) == encoder
    assert encoder.digest == "7d31bcadbb9e0edb112488b067b4602afc76c29b0d07b204bda6269966ca2ea2"


def test_a_batch_without_an_input_column_is_refused_by_its_name(encoder: Encoder) -> None:
    with pytest.raises(ContractError, match="wind"):
        encoder.encode(batch().drop_columns(["wind"]))


def test_a_tampered_encoder_is_refused(encoder: Encoder) -> None:
    with pytest.raises(ArtefactError, match="std"):
        Encoder.from_json(encoder.to_json().replace('"std":2.0', '"std":0.0').replace('"std": 2.0', '"std": 0.0'))


def test_an_integer_above_what_a_float_holds_is_rounded_to_one(encoder: Encoder) -> None:
    scaled = Encoder(inputs=(FittedNumber(column="wind", mean=0.0, std=2.0**60, clip=9.0),))
    assert scaled.encode(batch(wind=[2**62 + 1])).dense.tolist() == [[4.0, 0.0]]
