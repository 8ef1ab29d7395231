"""Headrace's own modules that decide scores, besides the model and its features. They are part of publish ids."""

from __future__ import annotations

from functools import cache

from headrace.code.packages import modules_digest

SCORE_CODE = (
    "headrace.encoding.encoder",
    "headrace.encoding.feed",
    "headrace.encoding.fitted",
    "headrace.encoding.hashing",
    "headrace.encoding.vocabulary",
    "headrace.registry.loading",
    "headrace.scoring.batch",
    "headrace.scoring.prediction",
)


@cache
def score_code_digest() -> str:
    """SHA-256 of the modules that load a model and score rows with it, in their normal form."""
    return modules_digest(SCORE_CODE)
