"""Fit the vocabularies of an encoder: Spark counts and sorts the values, and a task for each column keeps them.

The driver sees small vocabularies only. A large one goes from the task to a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import TypeAdapter

from headrace import storage
from headrace.encoding import vocabulary
from headrace.encoding.fitted import FittedCategory, FittedCategoryFile
from headrace.errors import ContractError
from headrace.storage import Place

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

INLINE = 10_000
"""The most words of a column that the encoder's JSON has, so that the encoder of a small model is one readable file."""

# Spark and Arrow write values of these types as different text, so a word of the vocabulary might never be found.
INEXACT = ("float", "double", "timestamp")
EITHER: TypeAdapter[FittedCategory | FittedCategoryFile] = TypeAdapter(FittedCategory | FittedCategoryFile)
FITTED = pa.schema([("column", pa.string()), ("fitted", pa.string())])


def vocabularies(
    frame: DataFrame, min_counts: Mapping[str, int], folder: Place, inline: int = INLINE
) -> dict[str, FittedCategory | FittedCategoryFile]:
    """The vocabulary of each column: the sorted text of the values that occur at least the minimum number of times.

    Args:
        frame: has the columns.
        min_counts: the minimum number of rows that a value needs, by column.
        folder: takes a file for each column with more than ``inline`` words. Every executor must see it.
        inline: the most words that are returned as such.

    Raises:
        ContractError: a column has a floating-point or timestamp type, which has no exact text.
    """
    from pyspark.sql import functions as F

    if not min_counts:
        return {}
    for column, kind in frame.select(*min_counts).dtypes:
        if kind.startswith(INEXACT):
            raise ContractError(f"column {column} is {kind}, which cannot be a category", "Make it int or string")
    columns = list(min_counts)
    values = F.array(
        *(
            F.struct(F.lit(n).alias("column"), F.lit(least).alias("least"), F.col(c).cast("string").alias("word"))
            for n, (c, least) in enumerate(min_counts.items())
        )
    )
    flat = frame.select(F.explode(values).alias("value")).select("value.*").where("word IS NOT NULL")
    words = flat.groupBy("column", "least", "word").count().where("count >= least")
    in_order = words.repartitionById(len(columns), F.col("column")).sortWithinPartitions("word").select("word")
    kept = in_order.mapInArrow(lambda batches: _keep(batches, columns, folder, inline), "column string, fitted string")
    found = {row["column"]: EITHER.validate_json(row["fitted"]) for row in kept.collect()}
    return {column: found.get(column) or FittedCategory(column=column, vocabulary=()) for column in columns}


def _keep(
    batches: Iterator[pa.RecordBatch], columns: Sequence[str], folder: Place, inline: int
) -> Iterator[pa.RecordBatch]:
    """In a Spark task, which has all words of one column: the fitted column as JSON, and perhaps its file."""
    from pyspark import TaskContext

    context = TaskContext.get()
    assert context is not None
    column, name = columns[context.partitionId()], f"vocabulary-{context.partitionId():02d}.arrow"
    parts = [batch.column("word").cast(vocabulary.WORDS) for batch in batches]
    words = pa.concat_arrays(parts) if parts else pa.array([], vocabulary.WORDS)
    if len(words) <= inline:
        fitted: FittedCategory | FittedCategoryFile = FittedCategory(column=column, vocabulary=tuple(words.to_pylist()))
    else:
        with storage.writing(folder / name) as file:
            vocabulary.write(words, file)
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        fitted = FittedCategoryFile(column=column, file=name, size=len(words), sha256=digest)
    yield pa.RecordBatch.from_pylist([{"column": column, "fitted": fitted.model_dump_json()}], FITTED)
