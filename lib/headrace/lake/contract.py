"""Compare what a transform returned with its table's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.declare import Contract, Table
from headrace.declare.columns import RESERVED
from headrace.errors import ContractError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def conform(frame: DataFrame, table: Table, contract: Contract) -> DataFrame:
    """The contract's columns in the contract's order, then new columns where the table allows them.

    Raises:
        ContractError: a column is missing, has another type, is new and not allowed, or has a reserved name.
    """
    types = dict(frame.dtypes)
    wrong = contract.differences(types, types, allow_new=table.new_columns == "allow")
    wrong += [f"{column!r} is a reserved name" for column in types if column.startswith(RESERVED)]
    if wrong:
        raise ContractError(
            f"{table.by} returns other columns for {table.name} than {table.columns}: {'; '.join(wrong)}",
            "Change the transform or the contract",
        )
    return frame.select(*contract.columns, *[c for c in types if c not in contract.columns])
