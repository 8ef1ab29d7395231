"""Numbered promotions; the newest names the champion.

A promotion is the file ``root/<model>/promotions/000001.json``, which only one process can create. If two promote at
the same time, one gets the next number and the other an error. A roll-back also adds a promotion: none is ever removed.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Literal

from headrace.errors import ArtefactError, GateRefusedError, PromotionConflictError, UnknownNameError
from headrace.frozen import FrozenModel
from headrace.registry import manifest
from headrace.registry.verdicts import Verdict, latest_verdict
from headrace.registry.versions import Version, version
from headrace.storage import Place, records
from headrace.who import user


class Promotion(FrozenModel):
    """A version became champion: which version, by whom, when, after which verdict, and why."""

    number: int
    kind: Literal["promote", "rollback"]
    model: str
    version: int
    version_digest: str
    verdict: str
    reason: str
    by: str
    at: dt.datetime


def promotions(root: Place, model: str) -> list[Promotion]:
    """All promotions of a model, the oldest first."""
    return [records.read(p, Promotion) for p in records.in_order(root / model / "promotions")]


def champion(root: Place, model: str) -> Version | None:
    """The version that scores; None before the first promotion.

    Raises:
        ArtefactError: the version has other bytes than when it was promoted.
    """
    files = records.in_order(root / model / "promotions")
    return promoted(root, records.read(files[-1], Promotion)) if files else None


def standing(history: list[Promotion]) -> list[Promotion]:
    """The promotions that were not rolled back, the champion's last. A roll-back takes away the last one before it."""
    champions: list[Promotion] = []
    for promotion in history:
        if promotion.kind == "rollback":
            champions.pop()
        else:
            champions.append(promotion)
    return champions


def promoted(root: Place, promotion: Promotion) -> Version:
    """The version that was promoted.

    Raises:
        UnknownNameError: the version is no longer in the registry.
        ArtefactError: the version has other bytes than when it was promoted.
    """
    found = version(root, promotion.model, promotion.version)
    if found.digest != promotion.version_digest:
        raise ArtefactError(
            f"{found} has digest {found.digest[:12]}, but {promotion.version_digest[:12]} was promoted",
            "Restore the version's folder from a backup, or roll back",
        )
    return found


def promote(root: Place, model: str, number: int, *, reason: str, restore: bool = False) -> Promotion:
    """Make a version champion. Promoting the champion again does nothing and returns its promotion.

    A version that was rolled back becomes champion only with ``restore``. A rerun thus cannot undo a person's decision.

    Raises:
        GateRefusedError: the gate refused the version, or has not judged it, or the version was rolled back.
        PromotionConflictError: another process promoted first, or the champion changed since the version was judged.
        ArtefactError: one of the version's files does not match its manifest.
    """
    challenger, before = version(root, model, number), promotions(root, model)
    if before and before[-1].version == number:
        return before[-1]
    undone = _rolled_back(before)
    if number in undone and not restore:
        raise GateRefusedError(f"{challenger} was rolled back: {undone[number]}", "Add --restore to promote it again")
    verdict = _passed(challenger, before[-1].version if before else None)
    return _append(root, before, challenger, kind="promote", verdict=verdict.sentence, reason=reason)


def rollback(root: Place, model: str, *, reason: str) -> Promotion:
    """Make the previous champion champion again. Two calls go back two champions.

    Raises:
        UnknownNameError: there is no previous champion.
        PromotionConflictError: another process promoted first.
        ArtefactError: one of that version's files does not match its manifest.
    """
    before = promotions(root, model)
    champions = standing(before)
    if len(champions) < 2:
        raise UnknownNameError(f"{model} has no champion to go back to", "Promote another version instead")
    previous = champions[-2]
    return _append(root, before, promoted(root, previous), kind="rollback", verdict=previous.verdict, reason=reason)


def _append(
    root: Place,
    before: list[Promotion],
    to: Version,
    *,
    kind: Literal["promote", "rollback"],
    verdict: str,
    reason: str,
) -> Promotion:
    """Take the number after ``before``, the promotions that the caller's decision is based on."""
    manifest.verify(to.path)
    promotion = Promotion(
        number=before[-1].number + 1 if before else 1,
        kind=kind,
        model=to.model,
        version=to.number,
        version_digest=to.digest,
        verdict=verdict,
        reason=reason,
        by=user(),
        at=dt.datetime.now(dt.UTC),
    )
    try:
        records.create(root / to.model / "promotions" / f"{promotion.number:06d}.json", promotion)
    except FileExistsError:
        raise PromotionConflictError(
            f"{to} did not become champion: another process took promotion {promotion.number} first",
            "See which version is champion now, and judge the version against it",
        ) from None
    return promotion


def _passed(challenger: Version, against: int | None) -> Verdict:
    """The challenger's verdict, if it allows the challenger to replace the champion ``against``."""
    verdict = latest_verdict(challenger)
    if verdict is None:
        raise GateRefusedError(f"{challenger} was not judged", "Run the gate on it first")
    if not verdict.passed:
        raise GateRefusedError(f"{challenger} did not pass the gate: {verdict.sentence}", "The champion stays")
    if verdict.champion != against:
        then, now = (f"version {n}" if n else "no champion" for n in (verdict.champion, against))
        raise PromotionConflictError(
            f"{challenger} was judged against {then}, and now there is {now}", "Judge it again against the champion"
        )
    return verdict


def _rolled_back(history: list[Promotion]) -> dict[int, str]:
    """The versions that a person rolled back and nobody restored, each with the reason."""
    undone: dict[int, str] = {}
    for earlier, promotion in pairwise(history):
        if promotion.kind == "rollback":
            undone[earlier.version] = promotion.reason
        else:
            undone.pop(promotion.version, None)
    return undone
