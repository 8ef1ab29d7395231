"""Compare what a transform returned with its table's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.declare import Contract, Table
from headrace.errors import ContractError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def conform(frame: DataFrame, table: Table, contract: Contract) -> DataFrame:
    """The contract's columns in the contract's order, then new columns where the table allows them.

    Raises:
        ContractError: a column is missing, has another type, or is new and not allowed.
    """
    types = dict(frame.dtypes)
    wrong = contract.differences(types, types, allow_new=table.new_columns == "allow")
    if wrong:
        raise ContractError(
            f"{table.by} returns other columns for {table.name} than {table.columns}: {'; '.join(wrong)}",
            "Change the transform or the contract",
        )
    return frame.select(*contract.columns, *[c for c in types if c not in contract.columns])
