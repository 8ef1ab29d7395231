"""A Great Expectations suite, run on a frame before it is published, with data docs that a person can open."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.config import Config
from headrace.errors import BatchRefusedError, DeclarationError
from headrace.quality.docs import on_disk

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def validate(frame: DataFrame, suite: Path, table: str, config: Config) -> None:
    """Run an ordinary suite (JSON, as Great Expectations writes it) and render its data docs.

    Raises:
        BatchRefusedError: an expectation failed; names the first ones, with what was observed.
        DeclarationError: the file is no suite.
    """
    with on_disk(config.data_docs) as folder:
        failed = _failed(frame, suite, table, folder)
    if failed:
        told = "; ".join(_told(result) for result in failed[:3])
        raise BatchRefusedError(
            f"{table} is refused: {len(failed)} expectations of {suite.name} fail: {told}",
            f"Nothing was published. Open {config.data_docs_page}",
        )


def _failed(frame: DataFrame, suite: Path, table: str, folder: Path) -> list[Any]:
    """The results of the expectations that fail, once all results and the data docs are written below ``folder``."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.core import ExpectationSuite

    context = gx.get_context(mode="file", project_root_dir=folder)
    context.variables.progress_bars = {"globally": False}
    try:
        expectations = ExpectationSuite(**json.loads(suite.read_text(encoding="utf-8")))
    except (ValueError, TypeError, gx.exceptions.GreatExpectationsError) as wrong:
        raise DeclarationError(f"{suite} is no Great Expectations suite: {wrong}") from None
    expectations = context.suites.add_or_update(expectations)
    source = context.data_sources.add_or_update_spark(table)
    batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("batch")
    definition = context.validation_definitions.add_or_update(
        gx.ValidationDefinition(name=table, data=batch, suite=expectations)
    )
    checkpoint = gx.Checkpoint(
        name=table,
        validation_definitions=[definition],
        actions=[UpdateDataDocsAction(name="docs")],
        result_format="SUMMARY",
    )
    outcome = context.checkpoints.add_or_update(checkpoint).run(batch_parameters={"dataframe": frame})
    return [r for run in outcome.run_results.values() for r in run.results if not r.success]


def _told(result: Any) -> str:
    """One failed expectation in a few words: what was expected of which column, and what was seen."""
    config = result.expectation_config
    given = {k: v for k, v in config.kwargs.items() if k not in ("batch_id", "column") and v is not None}
    seen = result.result.get("observed_value", result.result.get("unexpected_count"))
    wrong = (result.exception_info or {}).get("exception_message")
    return f"{config.type} {config.kwargs.get('column', '')} {given}: saw {wrong or seen}"
