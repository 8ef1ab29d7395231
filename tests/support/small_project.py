"""A project in a folder of its own, on a small lake, with whatever a test adds to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace import variables
from headrace.stages.context import StageContext

from tests.support import PROJECT, lake_jobs


@dataclass(frozen=True)
class SmallProject:
    """Where its files are, and how a person calls ``headrace`` in it."""

    folder: Path

    def run(
        self, *arguments: str, program: str = "from headrace.cli import app; app()"
    ) -> subprocess.CompletedProcess[str]:
        """Run ``headrace`` with arguments, or another Python program."""
        settings = {variables.HOME: str(self.folder), variables.JARS: str(PROJECT / "build" / "jars")}
        path = os.pathsep.join([str(self.folder), str(PROJECT / "lib")])
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=self.folder, capture_output=True, text=True, check=False,
            env={**os.environ, **settings, "PYTHONPATH": path},
        )  # fmt: skip


def on_lake(context: StageContext, **configuration: Any) -> SmallProject:
    """A project beside a copied lake. Jobs use the Python of the tests."""
    folder = context.config.root.parent
    own = {"root": str(context.config.root), "spark": {"python": sys.executable}}
    lake_jobs.configure(context, **{**own, **configuration})
    shutil.copytree(PROJECT / "jobs", folder / "jobs")
    return SmallProject(folder)
