"""A frame against its table's contract, with the difference spelled out."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from headrace.declare import Contract, Table
from headrace.errors import ContractError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def conform(frame: DataFrame, table: Table, contract: Contract) -> DataFrame:
    """The contract's columns, in its order; then new ones, where the table allows them.

    Raises:
        ContractError: a column is missing, has another type, or is new and may not be.
    """
    types = dict(frame.dtypes)
    new = [c for c in types if c not in contract.columns]
    wrong = []
    for column in contract.columns:
        if column not in types:
            close = difflib.get_close_matches(column, new, n=1)
            wrong.append(f"{column!r} is missing" + (f" (is it {close[0]!r}?)" if close else ""))
        elif types[column] != contract.type_of(column):
            wrong.append(f"{column!r} is {types[column]}, not {contract.type_of(column)}")
    if table.new_columns == "refuse":
        wrong += [f"{column!r} is not in the contract" for column in new]
    if wrong:
        raise ContractError(
            f"{table.by} returns other columns for {table.name} than {table.columns}: {'; '.join(wrong)}",
            "Change the one or the other",
        )
    return frame.select(*contract.columns, *new)
