"""The log stores' own tests, in Java, on the S3 server of these tests."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support import PROJECT, s3_server

pytestmark = pytest.mark.slow


def test_the_log_stores_pass_their_own_tests(server: s3_server.Server) -> None:
    given = {"TEST_S3_PORT": str(server.port), "TEST_S3_FOLDER": str(server.folder)}
    line = ["mvn", "--quiet", "--batch-mode", "-f", str(PROJECT / "lib" / "jvm" / "pom.xml"), "test"]
    run = subprocess.run(line, env={**os.environ, **given}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-10_000:]
