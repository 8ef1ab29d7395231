"""Make a version champion, or the previous champion again; MLflow's alias follows."""

from __future__ import annotations

from headrace.commands import Promote, Rollback
from headrace.outcome import Result
from headrace.registry import alias, promotions
from headrace.registry.promotions import Promotion
from headrace.stages.context import StageContext
from headrace.stages.progress import log_progress


class PromoteResult(Result):
    """Which promotion was made."""

    promotion: int = 0


def promote_version(context: StageContext, command: Promote) -> PromoteResult:
    """Promote a version; see ``promotions.promote`` for the errors."""
    models, number = context.layout.models, int(command.version)
    promotion = promotions.promote(models, command.model, number, reason=command.reason, restore=command.restore)
    return _followed(context, promotion, command.stage, "is champion")


def roll_back(context: StageContext, command: Rollback) -> PromoteResult:
    """Go back to the previous champion; see ``promotions.rollback`` for the errors."""
    promotion = promotions.rollback(context.layout.models, command.model, reason=command.reason)
    return _followed(context, promotion, command.stage, "is champion again")


def _followed(context: StageContext, promotion: Promotion, stage: str, what: str) -> PromoteResult:
    alias.follow(context.layout.models, promotion.model, context.config.tracking_uri)
    sentence = f"{promotion.model} version {promotion.version} {what} (promotion {promotion.number})"
    log_progress("promote", sentence)
    return PromoteResult(
        stage=stage,
        of=promotion.model,
        version=promotion.version,
        sentence=sentence,
        promotion=promotion.number,
    )
