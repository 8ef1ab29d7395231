"""Make a version champion, or the one before it again; MLflow's alias follows."""

from __future__ import annotations

from headrace.config import Config
from headrace.registry import alias, promotions
from headrace.registry.promotions import Promotion
from headrace.result import Result, tell
from headrace.sizing.ledger import recorded
from headrace.stages.job import say


def promote_version(config: Config, model: str, number: int, *, reason: str, restore: bool = False) -> Promotion:
    """See ``promotions.promote``, which says what it raises."""
    with recorded(config.ledger, "promote", model, "") as entry:
        done = promotions.promote(config.models, model, number, reason=reason, restore=restore)
        entry.facts |= _followed(config, done, "is champion")
    return done


def roll_back(config: Config, model: str, *, reason: str) -> Promotion:
    """See ``promotions.rollback``, which says what it raises."""
    with recorded(config.ledger, "rollback", model, "") as entry:
        done = promotions.rollback(config.models, model, reason=reason)
        entry.facts |= _followed(config, done, "is champion again")
    return done


def _followed(config: Config, done: Promotion, what: str) -> dict[str, int]:
    alias.follow(config.models, done.model, config.tracking_uri)
    sentence = f"{done.model} version {done.version} {what} (promotion {done.number})"
    say("promote", sentence)
    tell(Result(stage="promote", of=done.model, version=done.version, sentence=sentence))
    return {"version": done.version, "promotion": done.number}
