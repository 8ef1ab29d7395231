"""A vocabulary in a file gives the ids that a vocabulary in the encoder's JSON gives."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from headrace.encoding import vocabulary
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedCategoryFile
from headrace.encoding.hashing import hashes
from headrace.errors import ArtefactError

LONG = "a long text that several rounds of eight bytes read " * 3


def fitted(words: list[str], folder: Path, column: str = "c") -> FittedCategoryFile:
    """The words as a file of an encoder."""
    file = folder / "words.arrow"
    vocabulary.write(pa.array(sorted(words), pa.large_string()), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return FittedCategoryFile(column=column, file=file.name, size=len(words), sha256=digest)


def inline(words: list[str]) -> FittedCategory:
    return FittedCategory(column="c", vocabulary=tuple(sorted(words)))


@pytest.mark.parametrize(
    ("words", "column"),
    [
        (["", "a", "b"], pa.array(["b", None, "", "a", "z", "b"])),
        (["Zürich", "東京", "🛫", "z"], pa.array(["🛫", "東京", "Z", "Zürich", "Zu\u0308rich", "z"])),
        (["a", "a\0", "\0"], pa.array(["a\0", "\0", "a", "\0\0", "a\0\0"])),
        ([LONG, LONG + "a", LONG[:-1], LONG[:8]], pa.array([LONG[:8], LONG + "a", LONG[:-1], LONG, LONG + "b", "a"])),
        (["-1", "10", "9"], pa.array([9, 10, -1, 3, None])),
        (["10", "9"], pa.array([9, 10, 3], pa.int8())),
        (["false"], pa.array([True, False, None])),
        (["1.50"], pa.array([decimal.Decimal("1.50"), decimal.Decimal("2.50")])),
        (["2013-07-01"], pa.array([dt.date(2013, 7, 1), dt.date(2013, 7, 2)])),
        (["a", "b"], pa.array(["b", "c", None, "b"]).dictionary_encode()),
        (["a", "b"], pa.array(["b", "c", None, "a"], pa.large_string())),
        (["a", "b"], pa.array([None, None], pa.string())),
        (["a", "b"], pa.array([], pa.string())),
        (["a", "b"], pa.array(["x", "a", "y", "b", "z"]).slice(1, 3)),
    ],
    ids=[
        "empty text", "unicode", "zero bytes", "long texts", "integers", "small integers", "booleans", "decimals",
        "dates", "a dictionary", "large text", "only nulls", "no rows", "a slice",
    ],
)  # fmt: skip
def test_a_file_gives_the_ids_of_an_inline_vocabulary(words: list[str], column: pa.Array, tmp_path: Path) -> None:
    found = fitted(words, tmp_path).ids(column, tmp_path)
    assert found.dtype == np.int32
    assert found.tolist() == inline(words).ids(column).tolist()


def test_many_words_are_all_found_and_no_others(tmp_path: Path) -> None:
    words = [f"user {n * 7919}" for n in range(20_000)]
    asked = pa.array([*words[::-1], *(f"user {n * 7919 + 1}" for n in range(20_000))])
    assert fitted(words, tmp_path).ids(asked, tmp_path).tolist() == inline(words).ids(asked).tolist()


def test_two_words_with_the_same_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        vocabulary, "hashes", lambda texts, seed: hashes(texts, seed) if seed > 2 else hashes(texts, 0) % 2
    )
    assert fitted(["a", "b", "c"], tmp_path).ids(pa.array(["c", "d", "a", "b"]), tmp_path).tolist() == [3, 0, 1, 2]


def test_an_unknown_word_with_the_hash_of_a_known_one_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = fitted(["a", "b", "c"], tmp_path)
    monkeypatch.setattr(
        vocabulary,
        "hashes",
        lambda texts, seed: np.repeat(hashes(pa.array(["b"], pa.large_string()), seed), len(texts)),
    )
    assert column.ids(pa.array(["x", "b"]), tmp_path).tolist() == [0, 2]


def test_the_same_words_give_the_same_bytes(tmp_path: Path) -> None:
    assert fitted(["b", "a"], tmp_path) == fitted(["a", "b"], tmp_path)


def test_a_changed_file_is_refused_by_its_digest(tmp_path: Path) -> None:
    column = fitted(["AA", "UA"], tmp_path)
    file = tmp_path / column.file
    file.write_bytes(file.read_bytes().replace(b"AA", b"AB"))
    with pytest.raises(ArtefactError, match=r"words\.arrow has SHA-256 \w{12}, its encoder says \w{12}"):
        column.ids(pa.array(["AA"]), tmp_path)


def test_a_missing_file_is_refused_by_its_name(tmp_path: Path) -> None:
    column = fitted(["AA", "UA"], tmp_path)
    (tmp_path / column.file).unlink()
    with pytest.raises(ArtefactError, match=r"words\.arrow is missing"):
        column.ids(pa.array(["AA"]), tmp_path)


def test_an_encoder_with_a_file_is_read_from_another_folder(tmp_path: Path) -> None:
    written, moved = tmp_path / "written", tmp_path / "moved"
    written.mkdir()
    encoder = Encoder(inputs=(fitted(["AA", "UA"], written, "carrier"),)).in_folder(written)
    text = encoder.to_json()
    assert encoder.files == [written / "words.arrow"]
    assert "vocabulary" not in text
    assert str(tmp_path) not in text
    written.rename(moved)
    again = pickle.loads(pickle.dumps(Encoder.from_json(text, moved)))  # noqa: S301
    assert again.digest == encoder.digest
    assert again.vocabulary_sizes == [3]
    assert again.encode(pa.record_batch({"carrier": ["UA", "?"]})).ids.tolist() == [[2], [0]]


def test_an_encoder_with_a_file_and_without_its_folder_says_so(tmp_path: Path) -> None:
    encoder = Encoder(inputs=(fitted(["AA"], tmp_path),))
    with pytest.raises(ArtefactError, match=r"without the folder of words\.arrow"):
        encoder.encode(pa.record_batch({"c": ["AA"]}))
