"""What the gate said about a version: numbered, sealed records beside the version, which itself never changes.

``root/<model>/verdicts/0001/000001.json`` is the first verdict about version 1. It holds the digest of the version
that was judged, so that it counts for those bytes alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from headrace.errors import ArtefactError, PromotionConflictError
from headrace.registry import records
from headrace.registry.versions import Version
from headrace.storage import Place


class Verdict(BaseModel):
    """The gate's word about one version.

    Attributes:
        champion: the number of the version that was champion when it was judged, and that it was compared with.
        evaluation: all figures behind it, as they were.
    """

    model_config = ConfigDict(frozen=True)

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
    """Keep a verdict; the same verdict again is not kept twice.

    Raises:
        PromotionConflictError: another process recorded a verdict about this version at the same moment.
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
    there = records.in_order(_folder(version))
    before = latest_verdict(version)
    if before and _words(before) == _words(verdict):
        return before
    number = int(there[-1].stem) + 1 if there else 1
    try:
        records.create(_folder(version) / f"{number:06d}.json", verdict)
    except FileExistsError:
        raise PromotionConflictError(f"{version} is being judged by another process", "Try again") from None
    return verdict


def latest_verdict(version: Version) -> Verdict | None:
    """The newest verdict about a version, or None where it was not judged.

    Raises:
        ArtefactError: the verdict was changed, or is about other bytes than this version's.
    """
    there = records.in_order(_folder(version))
    if not there:
        return None
    verdict = records.read(there[-1], Verdict)
    if (verdict.version, verdict.version_digest) != (version.number, version.digest):
        raise ArtefactError(
            f"{there[-1]} is about version {verdict.version} with digest {verdict.version_digest[:12]},"
            f" not about {version} with digest {version.digest[:12]}",
            "Judge the version again",
        )
    return verdict


def _words(verdict: Verdict) -> str:
    return verdict.model_dump_json(exclude={"judged_at"})


def _folder(version: Version) -> Place:
    return version.path.parent.parent / "verdicts" / version.path.name
