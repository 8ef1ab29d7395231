"""Spark expressions that a use case declares: checked, evaluated without raising, and shown with their values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headrace.errors import DeclarationError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def tried(expression: Column) -> Column:
    """The value of an expression, or null for a row in which it raises an error.

    ANSI mode stays on: a division by zero, an overflow, a bad cast, date or time zone becomes null instead of ending
    the job. An error in a Python function still ends it.
    """
    from pyspark import SparkContext
    from pyspark.sql import Column
    from pyspark.sql import functions as F

    jvm: Any = SparkContext._jvm
    columns = jvm.org.apache.spark.sql.classic.ExpressionUtils
    attempt = jvm.org.apache.spark.sql.catalyst.expressions.TryEval(columns.expression(expression._jc))
    # Spark evaluates a part that several expressions share before all of them, and a constant part when it plans: both
    # outside of TryEval. It does neither in a branch, so the attempt is one. Its condition is true for every row, but
    # Spark cannot know that before it runs.
    return F.when(F.spark_partition_id() >= 0, Column(columns.column(attempt)))


def columns_of(frame: DataFrame, expression: str, where: object, kind: str = "") -> list[str]:
    """The columns of ``frame`` that a Spark SQL expression reads, in the frame's order.

    Args:
        where: the declaration's origin, which begins an error.
        kind: the type that the expression must have, such as ``boolean``; empty: any type.

    Raises:
        DeclarationError: the expression is not Spark SQL, does not fit the frame's columns, or has another type.
    """
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    try:
        analysed = frame.select(F.expr(expression))
    except AnalysisException as wrong:
        reason = str(wrong).split("SQLSTATE")[0].strip()
        raise DeclarationError(f"{where}: the expression {expression!r} is wrong: {reason}") from None
    found = analysed.dtypes[0][1]
    if kind and found != kind:
        raise DeclarationError(f"{where}: the expression {expression!r} is {found}, not {kind}")
    attributes = analysed._jdf.queryExecution().analyzed().references().toSeq()
    read = {attributes.apply(i).name().lower() for i in range(attributes.size())}  # in the expression's own case
    return [column for column in frame.columns if column.lower() in read]


def values_of(columns: Iterable[str]) -> Column:
    """The values of columns as text, such as ``price=3, shop=null``."""
    from pyspark.sql import functions as F

    shown = [F.concat(F.lit(f"{c}="), F.coalesce(F.col(f"`{c}`").cast("string"), F.lit("null"))) for c in columns]
    return F.concat_ws(", ", *shown)
