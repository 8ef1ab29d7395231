"""Who is champion: numbered promotions, each created exclusively; the newest names the champion.

``root/<model>/promotions/000001.json``. Of two promoters one gets the next number and the other an error, so that
both can never win. A roll-back is a promotion too: nothing is ever taken out of the list.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict

from headrace.errors import ArtefactError, GateRefusedError, PromotionConflictError, UnknownNameError
from headrace.registry import manifest, records
from headrace.registry.verdicts import Verdict, latest_verdict
from headrace.registry.versions import Version, version
from headrace.storage import Place
from headrace.who import user


class Promotion(BaseModel):
    """A version became champion: which, by whom, when, by what verdict and why."""

    model_config = ConfigDict(frozen=True)

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
        ArtefactError: the version is not the one that was promoted.
    """
    there = records.in_order(root / model / "promotions")
    return _version(root, records.read(there[-1], Promotion)) if there else None


def promote(root: Place, model: str, number: int, *, reason: str, restore: bool = False) -> Promotion:
    """Make a version champion. Promoting the champion again does nothing and returns its promotion.

    A version that was rolled back comes back only with ``restore``, so that a rerun does not undo what a person did.

    Raises:
        GateRefusedError: the gate did not pass it, or has not judged it, or it was rolled back.
        PromotionConflictError: another promoter was first, or the champion changed since the version was judged.
        ArtefactError: one of the version's files is not what its manifest says.
    """
    challenger, before = version(root, model, number), promotions(root, model)
    if before and before[-1].version == number:
        return before[-1]
    undone = _rolled_back(before)
    if number in undone and not restore:
        raise GateRefusedError(f"{challenger} was rolled back: {undone[number]}", "Say restore to promote it again")
    verdict = _passed(challenger, before[-1].version if before else None)
    return _append(root, before, challenger, kind="promote", verdict=verdict.sentence, reason=reason)


def rollback(root: Place, model: str, *, reason: str) -> Promotion:
    """Make the champion before this one champion again. Twice in a row goes back two champions.

    Raises:
        UnknownNameError: there was no champion before.
        PromotionConflictError: another promoter was first.
        ArtefactError: one of that version's files is not what its manifest says.
    """
    before = promotions(root, model)
    standing = _standing(before)
    if len(standing) < 2:
        raise UnknownNameError(f"{model} has no champion to go back to", "Promote another version instead")
    back = standing[-2]
    return _append(root, before, _version(root, back), kind="rollback", verdict=back.verdict, reason=reason)


def _append(
    root: Place,
    before: list[Promotion],
    to: Version,
    *,
    kind: Literal["promote", "rollback"],
    verdict: str,
    reason: str,
) -> Promotion:
    """Take the number after ``before``, which is all that the caller's decision has seen."""
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
            f"{to} was not made champion: another promoter took promotion {promotion.number} first",
            "See who is champion now, and judge the version against it",
        ) from None
    return promotion


def _passed(challenger: Version, against: int | None) -> Verdict:
    """The challenger's verdict, when it says that it may become champion in the place of ``against``."""
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


def _standing(history: list[Promotion]) -> list[Promotion]:
    """The champions that a roll-back can go through, the present one last."""
    standing: list[Promotion] = []
    for promotion in history:
        if promotion.kind == "rollback":
            standing.pop()
        else:
            standing.append(promotion)
    return standing


def _rolled_back(history: list[Promotion]) -> dict[int, str]:
    """Versions that stand no more because a person rolled them back, each with the reason."""
    undone: dict[int, str] = {}
    for earlier, promotion in pairwise(history):
        if promotion.kind == "rollback":
            undone[earlier.version] = promotion.reason
        else:
            undone.pop(promotion.version, None)
    return undone


def _version(root: Place, promotion: Promotion) -> Version:
    found = version(root, promotion.model, promotion.version)
    if found.digest != promotion.version_digest:
        raise ArtefactError(
            f"{found} has digest {found.digest[:12]}, but {promotion.version_digest[:12]} was promoted",
            "Restore the version's folder from a backup, or roll back",
        )
    return found
