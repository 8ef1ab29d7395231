"""Headrace's own modules whose code decides the rows of tables. They are part of publish ids."""

from __future__ import annotations

from functools import cache

from headrace.code.packages import modules_digest

ROW_CODE = (
    "headrace.declare.contract",
    "headrace.declare.formats",
    "headrace.expressions",
    "headrace.lake.contract",
    "headrace.lake.publish",
    "headrace.lake.read",
    "headrace.lake.staging",
    "headrace.landing.frame",
    "headrace.landing.texts",
    "headrace.quality.rows",
    "headrace.quality.verdict",
    "headrace.stages.as_of",
    "headrace.stages.batch",
    "headrace.stages.returned",
    "headrace.stages.sources",
)

# What these modules import besides, each with the reason why a change of it cannot change a row.
NO_ROWS = {
    "headrace.best_effort": "what is said of a failure",
    "headrace.days": "ranges of days, which are an argument",
    "headrace.declare": "declarations count by their values",
    "headrace.declare.columns": "refuses contracts",
    "headrace.declare.origin": "where something was declared",
    "headrace.declare.resolve": "imports the transform",
    "headrace.errors": "what is said of a failure",
    "headrace.frozen": "the base of models",
    "headrace.hints": "what is said of a misspelt word",
    "headrace.lake.commits": "the log of a table",
    "headrace.lake.conflicts": "other writers",
    "headrace.lake.held_rows": "it refuses rows, and changes none",
    "headrace.lake.publications": "the log of a table",
    "headrace.lake.staleness": "publish ids themselves",
    "headrace.landing.files": "refuses what is gone",
    "headrace.landing.record": "which files count, which is a publish id",
    "headrace.quality.counts": "counts, by which a day is accepted or refused",
    "headrace.quality.suite": "accepts or refuses a day",
    "headrace.stages.bad_rows": "what is kept of a bad row, and not which rows are bad",
    "headrace.stages.code_digest": "publish ids themselves",
    "headrace.stages.context": "where tables and feeds lie",
    "headrace.stages.corrections": "which deliveries count, which is a publish id",
    "headrace.stages.counting": "counts, by which a day is accepted or refused",
    "headrace.stages.transform_errors": "what is said of a failure",
    "headrace.storage": "where files lie",
    "headrace.yamlfile": "a contract counts by what it says",
}


@cache
def row_code_digest() -> str:
    """SHA-256 of the modules that decide rows, in their normal form."""
    return modules_digest(ROW_CODE)
