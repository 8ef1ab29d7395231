"""The Spark settings that can change a table's rows. They are part of publish ids; sizes and partitions are not."""

from __future__ import annotations

from fnmatch import fnmatch
from importlib import metadata

from headrace.backends.spark_settings import common_settings
from headrace.config import Config

# With the defaults of Spark 4.2, so that a setting at its default counts as none.
ROW_SETTINGS = {
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.csv.parser.columnPruning.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.pandas.convertToArrowArraySafely": "true",
    "spark.sql.execution.pythonUDF.arrow.enabled": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.function.concatBinaryAsString": "false",
    "spark.sql.function.eltOutputAsString": "false",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.json.enableExactStringParsing": "true",
    "spark.sql.json.enablePartialResults": "true",
    "spark.sql.jsonGenerator.ignoreNullFields": "true",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
    "spark.sql.orderByOrdinal": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96TimestampConversion": "false",
    "spark.sql.parquet.outputTimestampType": "INT96",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.parser.quotedRegexColumnNames": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "true",
    "spark.sql.storeAssignmentPolicy": "ANSI",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
}

# These decide how fast a query runs, where, and what is shown of it. Any other spark.sql.* counts, to be on the safe
# side: a flag spark.sql.legacy.* always does.
HARMLESS = (
    "spark.sql.adaptive.*",
    "spark.sql.autoBroadcastJoinThreshold",
    "spark.sql.broadcastExchange.*",
    "spark.sql.broadcastTimeout",
    "spark.sql.cbo.*",
    "spark.sql.codegen.*",
    "spark.sql.debug.*",
    "spark.sql.event.*",
    "spark.sql.exchange.reuse",
    "spark.sql.execution.arrow.max*",
    "spark.sql.execution.python.udf.*",
    "spark.sql.execution.pyspark.udf.*",
    "spark.sql.files.max*",
    "spark.sql.files.minPartitionNum",
    "spark.sql.files.openCostInBytes",
    "spark.sql.inMemoryColumnarStorage.*",
    "spark.sql.join.preferSortMergeJoin",
    "spark.sql.leafNodeDefaultParallelism",
    "spark.sql.max*StringLength",
    "spark.sql.parquet.compression.codec",
    "spark.sql.queryExecutionListeners",
    "spark.sql.redaction.*",
    "spark.sql.shuffle.*",
    "spark.sql.sortMergeJoinExec.*",
    "spark.sql.sources.parallelPartitionDiscovery.*",
    "spark.sql.statistics.*",
    "spark.sql.ui.*",
    "spark.sql.warehouse.dir",
    "spark.sql.windowExec.*",
)


def row_settings(config: Config) -> dict[str, str]:
    """The settings of an environment that can change rows, by name, and Spark's minor version. No session starts."""
    settings = common_settings(config)
    counting = {key: value for key, value in settings.items() if key.startswith("spark.sql.") and not _harmless(key)}
    values = {key: value.strip().lower() for key, value in (ROW_SETTINGS | counting).items()}
    return dict(sorted(values.items())) | {"spark": ".".join(metadata.version("pyspark").split(".")[:2])}


def _harmless(key: str) -> bool:
    return any(fnmatch(key, pattern) for pattern in HARMLESS)
