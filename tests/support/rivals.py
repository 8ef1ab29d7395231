"""Several real drivers that write to one table or one log at the same time, and what each of them was told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.storage import Place

from tests.support import PROJECT
from tests.support.waiting import eventually

Writes = dict[str, set[int]]
"""The numbers of each driver's writes that succeeded, as it was told."""
# Drivers live for a minute. They compile less, so that several of them start soon on two cores.
QUICK = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}

Driver = subprocess.Popen[bytes]
Orders = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Trial:
    """``drivers`` drivers make ``writes`` writes each, as ``tests.support.rival`` does them in this ``way``.

    Attributes:
        root: the environment's root; the table is called ``rivals.rows``.
        way: ``append`` or ``log``.
        apart: the seconds within which all drivers begin each write, after all have ended the one before. Without it
            the first to create a version stays ahead of the others, as they need a request more.
        conf: the folder of the configuration whose local environment they use.
    """

    root: Place
    way: str
    drivers: int
    writes: int
    apart: float | None = None
    conf: Path = PROJECT / "conf"

    def run(self, folder: Path, variables: Mapping[str, str], within: float) -> Writes:
        """Start the drivers, let them begin together, and return what each was told.

        Args:
            folder: takes their logs and notes.
            variables: are added to the environment of this process.

        Raises:
            AssertionError: a driver failed, or needed more than ``within`` seconds.
        """
        names = [f"driver{number}" for number in range(self.drivers)]
        steps = [folder / f"{name}.steps" for name in names]
        orders = {name: self._order(folder, name, steps) for name in names}
        environment = {**os.environ, **variables, **QUICK, "PYTHONPATH": f"{PROJECT / 'lib'}{os.pathsep}{PROJECT}"}
        started = []
        try:
            for name, order in orders.items():
                line = [sys.executable, "-m", "tests.support.rival", json.dumps(order)]
                with (folder / f"{name}.log").open("wb") as log:
                    started.append(subprocess.Popen(line, env=environment, cwd=PROJECT, stdout=log, stderr=log))
            eventually("all drivers are ready", lambda: self._ready(started, orders, folder), within=180, every=0.1)
            for file in steps:
                file.touch()
            (folder / "go").touch()
            eventually("all drivers have ended", lambda: None not in [each.poll() for each in started], within)
        finally:
            for each in started:
                each.kill()
                each.wait()
        assert [each.returncode for each in started] == [0] * self.drivers, logs(folder)
        return {
            name: {int(line) for line in Path(str(order["told"])).read_text().split()} for name, order in orders.items()
        }

    def _order(self, folder: Path, name: str, steps: list[Path]) -> Mapping[str, object]:
        files = {what: folder / f"{name}.{what}" for what in ("ready", "told", "steps")} | {"go": folder / "go"}
        return {
            "name": name,
            "root": str(self.root),
            "conf": str(self.conf),
            "way": self.way,
            "writes": self.writes,
            "apart": self.apart,
            "all_steps": [str(file) for file in steps],
            **{what: str(file) for what, file in files.items()},
        }

    def _ready(self, started: list[Driver], orders: Orders, folder: Path) -> bool:
        assert [each.poll() for each in started] == [None] * self.drivers, logs(folder)
        return all(Path(str(order["ready"])).exists() for order in orders.values())


def logs(folder: Path) -> str:
    """The ends of what the drivers wrote."""
    return "\n".join(f"{file.name}:\n{file.read_text()[-3000:]}" for file in sorted(folder.glob("*.log")))
