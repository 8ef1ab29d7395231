"""A large vocabulary of a version in S3: each process looks it up in this machine's copy."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from headrace import storage
from headrace.encoding import vocabulary
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategoryFile
from headrace.errors import ArtefactError
from headrace.storage import S3Path

BATCH = pa.record_batch({"carrier": ["UA", "?", None, "AA"]})


@pytest.fixture
def encoder(folder: S3Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Encoder:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # a machine without copies from earlier runs
    words = tmp_path / "words.arrow"
    vocabulary.write(pa.array(["AA", "UA"], pa.large_string()), words)
    storage.upload(words, folder / words.name)
    digest = hashlib.sha256(words.read_bytes()).hexdigest()
    fitted = FittedCategoryFile(column="carrier", file=words.name, size=2, sha256=digest)
    return Encoder(inputs=(fitted,)).in_folder(folder)


def test_a_vocabulary_in_s3_is_looked_up_in_a_copy(encoder: Encoder) -> None:
    assert encoder.encode(BATCH).ids.tolist() == [[2], [0], [0], [1]]


def test_a_vocabulary_that_was_changed_in_s3_is_refused(encoder: Encoder) -> None:
    [file] = encoder.files
    storage.write(file, file.read_bytes().replace(b"UA", b"UB"))
    with pytest.raises(ArtefactError, match=rf"{file} has SHA-256"):
        encoder.encode(BATCH)


def test_a_vocabulary_that_is_missing_in_s3_is_refused(encoder: Encoder) -> None:
    [file] = encoder.files
    file.unlink()
    with pytest.raises(ArtefactError, match=rf"{file} is missing"):
        encoder.encode(BATCH)
