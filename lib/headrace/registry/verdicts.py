"""The gate's verdicts about versions, as numbered and sealed records.

``root/<model>/verdicts/0001/000001.json`` is the first verdict about version 1. It lies beside the version, whose files
never change. It holds the digest of the version, and is valid for those bytes only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from headrace.errors import ArtefactError, PromotionConflictError
from headrace.frozen import FrozenModel
from headrace.registry.versions import Version
from headrace.storage import Place, records


class Verdict(FrozenModel):
    """The gate's decision about one version.

    Attributes:
        champion: the number of the champion that the version was compared with; None if there was no champion.
        evaluation: the evaluation behind the verdict.
    """

    version: int
    version_digest: str
    champion: int | None
    passed: bool
    sentence: str
    evaluation: dict[str, Any]
    judged_at: dt.datetime


def record_verdict(
    version: Version, evaluation: Mapping[str, Any], *, passed: bool, sentence: str, champion: Version | None
) -> Verdict:
    """Keep a verdict. If the latest verdict says the same, it is returned and nothing is written.

    Raises:
        PromotionConflictError: another process recorded a verdict about this version at the same time.
    """
    verdict = Verdict(
        version=version.number,
        version_digest=version.digest,
        champion=champion.number if champion else None,
        passed=passed,
        sentence=sentence,
        evaluation=dict(evaluation),
        judged_at=dt.datetime.now(dt.UTC),
    )
    files = records.in_order(_folder(version))
    before = latest_verdict(version)
    if before and _content(before) == _content(verdict):
        return before
    number = int(files[-1].stem) + 1 if files else 1
    try:
        records.create(_folder(version) / f"{number:06d}.json", verdict)
    except FileExistsError:
        raise PromotionConflictError(f"{version} is being judged by another process", "Try again") from None
    return verdict


def latest_verdict(version: Version) -> Verdict | None:
    """The newest verdict about a version, or None if it was never judged.

    Raises:
        ArtefactError: the verdict was changed, or is about other bytes than this version has.
    """
    files = records.in_order(_folder(version))
    if not files:
        return None
    verdict = records.read(files[-1], Verdict)
    if (verdict.version, verdict.version_digest) != (version.number, version.digest):
        raise ArtefactError(
            f"{files[-1]} is about version {verdict.version} with digest {verdict.version_digest[:12]},"
            f" not about {version} with digest {version.digest[:12]}",
            "Judge the version again",
        )
    return verdict


def _content(verdict: Verdict) -> str:
    return verdict.model_dump_json(exclude={"judged_at"})


def _folder(version: Version) -> Place:
    return version.path.parent.parent / "verdicts" / version.path.name
