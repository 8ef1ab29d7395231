"""Run a Great Expectations suite on a frame before it is published, and render its data docs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.errors import BatchRefusedError, DeclarationError
from headrace.quality.docs import on_disk
from headrace.quality.offline import make_offline
from headrace.storage import Place

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def validate(frame: DataFrame, suite: Path, table: str, docs_folder: Place, docs_page: Place) -> None:
    """Run a suite (JSON, as Great Expectations writes it) and render its data docs, which need no internet.

    Args:
        table: the table's name, in errors and in the data docs.
        docs_folder: where Great Expectations keeps its results and data docs.
        docs_page: the first page of the data docs, which an error points to.

    Raises:
        BatchRefusedError: an expectation failed; names the first three, with what was observed.
        DeclarationError: the file is not a suite.
    """
    with on_disk(docs_folder) as folder:
        failed = _failed_results(frame, suite, table, folder)
        make_offline(folder)
    if failed:
        described = "; ".join(_described(result) for result in failed[:3])
        raise BatchRefusedError(
            f"{table} is refused: {len(failed)} expectations of {suite.name} fail: {described}",
            f"Nothing was published. Open {docs_page}",
        )


def _failed_results(frame: DataFrame, suite: Path, table: str, folder: Path) -> list[Any]:
    """Run the suite, write all results and the data docs below ``folder``, and return the failed results."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.core import ExpectationSuite

    context = gx.get_context(mode="file", project_root_dir=folder)
    context.variables.progress_bars = {"globally": False}
    try:
        expectations = ExpectationSuite(**json.loads(suite.read_text(encoding="utf-8")))
    except (ValueError, TypeError, gx.exceptions.GreatExpectationsError) as wrong:
        raise DeclarationError(f"{suite} is not a Great Expectations suite: {wrong}") from None
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


def _described(result: Any) -> str:
    """One failed expectation in a few words: the column, what was expected, and what was observed."""
    config = result.expectation_config
    arguments = {k: v for k, v in config.kwargs.items() if k not in ("batch_id", "column") and v is not None}
    observed = result.result.get("observed_value", result.result.get("unexpected_count"))
    error = (result.exception_info or {}).get("exception_message")
    return f"{config.type} {config.kwargs.get('column', '')} {arguments}: saw {error or observed}"
