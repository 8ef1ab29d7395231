"""Versions appear whole and never change, and only one process at a time makes a champion."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from headrace.errors import ArtefactError, GateRefusedError, PromotionConflictError, UnknownNameError
from headrace.registry import manifest
from headrace.registry.promotions import champion, promote, promotions, rollback
from headrace.registry.verdicts import Verdict, latest_verdict, record_verdict
from headrace.registry.versions import Version, register, version, versions
from headrace.registry.versions import trained as trained_version

MODEL = "sales.late"


@pytest.fixture
def registered(tmp_path: Path, trained: Path) -> Callable[[str], Version]:
    return lambda training_id: register(tmp_path / "models", MODEL, trained, {"training_id": training_id, "seed": 1})


def judged(one: Version, *, against: Version | None = None, passed: bool = True) -> Verdict:
    sentence = "It beats all" if passed else "It does not beat logistic"
    return record_verdict(one, {"auc": 0.73}, passed=passed, sentence=sentence, champion=against)


def crowned(root: Path, one: Version) -> None:
    judged(one, against=champion(root, MODEL))
    promote(root, MODEL, one.number, reason="test")


def change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


def test_a_version_keeps_files_and_pins(registered: Callable[[str], Version], trained: Path) -> None:
    one = registered("a")
    assert (one.number, one.training_id, one.pins) == (1, "a", {"seed": 1})
    assert (one.path / "model.keras").read_bytes() == (trained / "model.keras").read_bytes()
    assert manifest.verify(one.path) == one.digest
    assert registered("b").number == 2


def test_one_changed_bit_is_found_and_both_digests_are_named(registered: Callable[[str], Version]) -> None:
    one = registered("a")
    listed = json.loads((one.path / "manifest.json").read_text())["files"]["model.keras"]["sha256"]
    change(one.path / "model.keras")
    with pytest.raises(ArtefactError, match=rf"model\.keras has SHA-256 \w{{12}} .* says {listed[:12]}.*roll back"):
        manifest.verify(one.path)


def test_a_missing_file_is_named(registered: Callable[[str], Version]) -> None:
    one = registered("a")
    (one.path / "encoder.json").unlink()
    with pytest.raises(ArtefactError, match=r"encoder\.json is missing"):
        manifest.verify(one.path)


def test_a_file_that_the_manifest_does_not_know_is_named(registered: Callable[[str], Version]) -> None:
    one = registered("a")
    (one.path / "extra").mkdir()
    (one.path / "extra" / "code.py").write_text("")
    with pytest.raises(ArtefactError, match=r"extra/code\.py is not in the manifest"):
        manifest.verify(one.path)


@pytest.mark.parametrize("content", [None, "not json", '{"files": []}'])
def test_a_folder_without_a_readable_manifest_is_refused(
    registered: Callable[[str], Version], content: str | None
) -> None:
    path = registered("a").path
    (path / "manifest.json").unlink()
    if content is not None:
        (path / "manifest.json").write_text(content)
    with pytest.raises(ArtefactError, match=r"manifest"):
        manifest.verify(path)


def test_a_changed_version_json_is_not_read(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    change(registered("a").path / "version.json")
    with pytest.raises(ArtefactError, match=r"version\.json has SHA-256"):
        versions(tmp_path / "models", MODEL)


def test_the_same_training_id_is_the_same_version(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    first = registered("a")
    registered("b")
    assert registered("a") == first
    assert [v.training_id for v in versions(tmp_path / "models", MODEL)] == ["a", "b"]


def test_a_damaged_old_version_does_not_keep_another_from_being_found_or_registered(
    tmp_path: Path, registered: Callable[[str], Version], caplog: pytest.LogCaptureFixture
) -> None:
    damaged, whole = registered("a"), registered("b")
    change(damaged.path / "version.json")
    assert [trained_version(tmp_path / "models", MODEL, of) for of in ("a", "b")] == [None, whole]
    assert registered("c").number == 3
    assert f"{damaged.path} does not count: " in caplog.text


def test_what_a_crashed_writer_left_is_no_version(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    one = registered("a")
    shutil.copytree(one.path, one.path.with_name(".0002-dead"))
    (one.path.parent / ".0002-dead" / "manifest.json").unlink()
    assert versions(tmp_path / "models", MODEL) == [one]
    assert registered("b").number == 2


def test_an_unknown_version_or_model_names_the_known_ones(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    registered("a")
    with pytest.raises(UnknownNameError, match=r"no version 7. Known: 1"):
        version(tmp_path / "models", MODEL, 7)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'sales.late'"):
        version(tmp_path / "models", "sales.latte", 1)


def test_without_a_passed_verdict_nothing_is_promoted(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    root, one = tmp_path / "models", registered("a")
    with pytest.raises(GateRefusedError, match="was not judged"):
        promote(root, MODEL, 1, reason="test")
    judged(one, passed=False)
    with pytest.raises(GateRefusedError, match="It does not beat logistic"):
        promote(root, MODEL, 1, reason="test")
    assert champion(root, MODEL) is None


def test_the_newest_verdict_counts_and_the_same_one_is_kept_once(registered: Callable[[str], Version]) -> None:
    one = registered("a")
    judged(one, passed=False)
    passed = judged(one)
    assert judged(one) == passed == latest_verdict(one)
    assert sorted(p.name for p in (one.path.parents[1] / "verdicts/0001").iterdir()) == ["000001.json", "000002.json"]


def test_a_verdict_that_was_edited_is_refused(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    judged(registered("a"), passed=False)
    path = tmp_path / "models" / MODEL / "verdicts/0001/000001.json"
    path.write_text(path.read_text().replace('"passed": false', '"passed": true'))
    with pytest.raises(ArtefactError, match=r"000001\.json was changed"):
        promote(tmp_path / "models", MODEL, 1, reason="test")


def test_a_verdict_does_not_count_for_other_bytes(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    one = registered("a")
    judged(one)
    (one.path / "model.keras").write_bytes(b"others")
    manifest.write(one.path)
    with pytest.raises(ArtefactError, match="Judge the version again"):
        promote(tmp_path / "models", MODEL, 1, reason="test")


def test_a_promoted_version_is_champion_and_the_promotion_says_why(
    tmp_path: Path, registered: Callable[[str], Version]
) -> None:
    root, one = tmp_path / "models", registered("a")
    judged(one)
    promotion = promote(root, MODEL, 1, reason="the first")
    assert champion(root, MODEL) == one
    found = (promotion.number, promotion.version_digest, promotion.verdict, promotion.reason)
    assert found == (1, one.digest, "It beats all", "the first")


def test_promoting_the_champion_again_does_nothing(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    root = tmp_path / "models"
    crowned(root, registered("a"))
    assert promote(root, MODEL, 1, reason="again") == promotions(root, MODEL)[0]
    assert [p.reason for p in promotions(root, MODEL)] == ["test"]


def test_a_tampered_version_is_not_promoted(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    one = registered("a")
    judged(one)
    change(one.path / "model.keras")
    with pytest.raises(ArtefactError, match=r"model\.keras"):
        promote(tmp_path / "models", MODEL, 1, reason="test")
    assert promotions(tmp_path / "models", MODEL) == []


def test_a_version_judged_against_a_former_champion_must_be_judged_again(
    tmp_path: Path, registered: Callable[[str], Version]
) -> None:
    root, one, two = tmp_path / "models", registered("a"), registered("b")
    judged(two)
    crowned(root, one)
    with pytest.raises(PromotionConflictError, match="judged against no champion, and now there is version 1"):
        promote(root, MODEL, 2, reason="test")


def test_rolling_back_twice_goes_back_two_champions(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    root = tmp_path / "models"
    for training_id in "abc":
        crowned(root, registered(training_id))
    rollback(root, MODEL, reason="c is bad")
    assert champion(root, MODEL) == registered("b")
    rollback(root, MODEL, reason="b is bad")
    assert champion(root, MODEL) == registered("a")
    assert [(p.version, p.kind) for p in promotions(root, MODEL)][2:] == [
        (3, "promote"),
        (2, "rollback"),
        (1, "rollback"),
    ]
    with pytest.raises(UnknownNameError, match="no champion to go back to"):
        rollback(root, MODEL, reason="a too")


def test_a_version_that_was_rolled_back_returns_only_when_asked_for(
    tmp_path: Path, registered: Callable[[str], Version]
) -> None:
    root = tmp_path / "models"
    crowned(root, registered("a"))
    crowned(root, registered("b"))
    rollback(root, MODEL, reason="too many alarms")
    with pytest.raises(GateRefusedError, match=r"version 2 was rolled back: too many alarms.*Add --restore"):
        promote(root, MODEL, 2, reason="rerun")
    promote(root, MODEL, 2, reason="the alarms were wrong", restore=True)
    assert champion(root, MODEL) == registered("b")


def test_a_champion_whose_folder_was_exchanged_is_refused(tmp_path: Path, registered: Callable[[str], Version]) -> None:
    one = registered("a")
    crowned(tmp_path / "models", one)
    (one.path / "model.keras").write_bytes(b"others")
    manifest.write(one.path)
    with pytest.raises(ArtefactError, match=f"{one.digest[:12]} was promoted"):
        champion(tmp_path / "models", MODEL)


def race(root: Path, folder: Path, racer: int, *, rounds: int, barrier: Any, results: Any) -> None:
    """One process: in each round, register a new version, judge it, and try to promote it."""
    for n in range(rounds):
        one = register(root, f"model{n}", folder, {"training_id": f"by {racer}"})
        judged(one)
        barrier.wait()
        try:
            results.put((n, one.number, promote(root, f"model{n}", one.number, reason=f"by {racer}").version))
        except PromotionConflictError:
            results.put((n, one.number, None))


def test_of_promoters_at_the_same_time_one_wins_and_the_others_are_told(tmp_path: Path, trained: Path) -> None:
    racers, rounds, root = 4, 60, tmp_path / "models"
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(racers), context.Queue()
    together = {"rounds": rounds, "barrier": barrier, "results": results}
    processes = [context.Process(target=race, args=(root, trained, racer), kwargs=together) for racer in range(racers)]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=60) for _ in range(racers * rounds)]
    for process in processes:
        process.join()
    for n in range(rounds):
        mine = [(number, won) for of, number, won in outcomes if of == n]
        assert sorted(number for number, _ in mine) == [1, 2, 3, 4]
        (winner,) = [number for number, won in mine if won is not None]
        assert [p.version for p in promotions(root, f"model{n}")] == [winner]


def same(root: Path, folder: Path, rounds: int, barrier: Any, results: Any) -> None:
    for n in range(rounds):
        barrier.wait()
        results.put((n, register(root, f"model{n}", folder, {"training_id": "one"}).digest))


def test_one_training_registered_by_several_at_once_is_one_version(tmp_path: Path, trained: Path) -> None:
    racers, rounds, root = 3, 20, tmp_path / "models"
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(racers), context.Queue()
    processes = [context.Process(target=same, args=(root, trained, rounds, barrier, results)) for _ in range(racers)]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=60) for _ in range(racers * rounds)]
    for process in processes:
        process.join()
    for n in range(rounds):
        assert {digest for of, digest in outcomes if of == n} == {v.digest for v in versions(root, f"model{n}")}
        assert [v.number for v in versions(root, f"model{n}")] == [1]
