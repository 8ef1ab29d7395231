"""The windows of a training as encoded files, and a try of the network on some of their rows beside it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from headrace import storage
from headrace.days import DayRange
from headrace.encoding.encoder import Encoder
from headrace.errors import ArtefactError, BadInputError
from headrace.registry import loading
from headrace.stages.context import StageContext
from headrace.stages.plan import Plan, kept_shards, labelled, write_shards
from headrace.stages.progress import log_progress, throughput
from headrace.training import dry_step
from headrace.training.shards import Shards

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def encoded_windows(context: StageContext, planned: Plan, network: str) -> tuple[Encoder, list[Shards]]:
    """The encoder, fitted on the training days, and the training and validation days as encoded files.

    Another try of the same training takes what the first try left.

    Raises:
        NetworkError, UseCaseError: the network cannot be trained.
        BadInputError: all rows of the training days have the same label.
    """
    from pyspark import StorageLevel

    clock = time.monotonic()
    if kept := _kept(context, planned):
        log_progress("train", f"{_what(planned)} are there from an earlier try")
        return kept
    # Four jobs read these rows. They are kept on the disk, because the heap is for sorting and has a fixed size.
    learned = labelled(context, planned, planned.train).persist(StorageLevel.DISK_ONLY)
    try:
        encoder = Encoder.fit(learned, planned.model.inputs, context.layout.training(planned.id).encoder)
        with ThreadPoolExecutor(1, thread_name_prefix="dry step") as beside:
            tried = beside.submit(_try, context, learned, network, encoder)
            try:
                files = write_shards(context, planned, encoder, {planned.train: learned})
            except Exception:
                tried.result()  # if the network failed, that is why
                raise
        tried.result()
        check_labels(files[0], planned.train)
    finally:
        learned.unpersist()
    storage.write(context.layout.training(planned.id).encoder / loading.ENCODER, encoder.to_json().encode())
    log_progress("train", _what(planned), **throughput(sum(f.rows for f in files), clock))
    return encoder, files


def _kept(context: StageContext, planned: Plan) -> tuple[Encoder, list[Shards]] | None:
    """What an earlier try left, if it is complete. The encoder is written last, so the network has passed its try."""
    folder = context.layout.training(planned.id).encoder
    try:
        encoder = Encoder.from_json((folder / loading.ENCODER).read_text(encoding="utf-8"), folder)
    except (FileNotFoundError, ArtefactError):
        return None
    files = kept_shards(context, planned, encoder)
    return (encoder, files) if files and all(file.exists() for file in encoder.files) else None


def _what(planned: Plan) -> str:
    return f"{planned.model.name} {planned.train} and {planned.validate} as shards"


def check_labels(files: Shards, days: DayRange) -> None:
    """Check that there is something to learn.

    Raises:
        BadInputError: all rows have the same label.
    """
    if files.positives in (0, files.rows):
        label = int(files.positives > 0)
        raise BadInputError(
            f"all {files.rows:,} labelled rows of {days} have the label {label}",
            "Train on more days, or correct the label's condition",
        )


def _try(context: StageContext, learned: DataFrame, network: str, encoder: Encoder) -> None:
    """Try the network, and end the writing of shards if it fails."""
    try:
        dry_step.check(learned, network, encoder, context.config.training)
    except BaseException:
        context.spark.sparkContext.cancelAllJobs()
        raise
