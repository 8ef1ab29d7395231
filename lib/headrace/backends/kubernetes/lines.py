"""Pass on each line of a driver's log once, although every new connection begins with the first line again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from headrace.backends.base import Log
from headrace.backends.kubernetes.api import Cluster
from headrace.backends.kubernetes.objects import termination
from headrace.backends.kubernetes.retry import unavailable
from headrace.errors import ClusterRefusedError
from headrace.outcome import NOISE

AGAIN_SECONDS = 0.5  # until the next connection
REFUSED_SECONDS = 5.0  # until the next connection, if the cluster refuses to show the log
KEPT_LINES = 5000  # the newest lines, with which the lines of a new connection are compared


class PassedLines:
    """What of a log was passed on. Each line begins with its time.

    Two streams make one log, and times are not quite in order. So the newest lines that were passed on are kept. In a
    new connection, a line is new if it is none of them, and is younger than all lines that are no longer kept.
    """

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()
        self._known: set[bytes] = set()
        self._forgotten = b""
        self._again = False

    def begin(self) -> None:
        """Expect the first line again."""
        self._again = bool(self._kept)

    def is_new(self, line: bytes) -> bool:
        """Whether the line was not passed on before. It counts as passed on from now on."""
        time = time_of(line)
        if self._again and (line in self._known or (time and time <= self._forgotten)):
            return False
        self._kept.append(line)
        self._known.add(line)
        if len(self._kept) > KEPT_LINES:
            oldest = self._kept.popleft()
            self._known.discard(oldest)
            self._forgotten = max(self._forgotten, time_of(oldest))
        return True


class DriverLog:
    """The log of one driver.

    Args:
        driver: the driver's pod; None if it is gone.
        log: takes the lines.
        say: takes what is to be said about the log.
    """

    def __init__(
        self, cluster: Cluster, pod: str, driver: Callable[[], Awaitable[dict[str, Any] | None]], log: Log, say: Log
    ) -> None:
        self._cluster, self._pod, self._driver, self._log, self._say = cluster, pod, driver, log, say
        self._passed = PassedLines()
        self._heard = 0.0  # when the last line came, by the clock of the event loop
        self._asking = False  # whether the cluster is asked for the driver, which may take minutes

    async def pass_on(self) -> None:
        """Pass on each line once. It ends when the whole log was read after the driver's end, or the driver is gone."""
        refusal = ""
        while (driver := await self._asked()) is not None:
            pause, whole = AGAIN_SECONDS, False
            try:
                self._passed.begin()
                async for line in self._cluster.log(self._pod):
                    self._pass(line)
                whole = True
            except ClusterRefusedError as refused:
                pause, whole = REFUSED_SECONDS, True
                if str(refused) != refusal:
                    refusal = str(refused)
                    self._say(f"the driver's log cannot be read: {refusal}")
            except unavailable():
                pass
            if whole and termination(driver) is not None:
                return
            await asyncio.sleep(pause)

    async def settled(self, lines: asyncio.Task[Any], silence: float) -> None:
        """Wait until ``pass_on``, which is the task ``lines``, has ended, or no line has come for so many seconds.

        The time in which the cluster does not answer does not count.

        Raises:
            ClusterError: the cluster could not be asked for the driver.
        """
        clock = asyncio.get_running_loop().time
        self._heard = clock()
        while not lines.done() and (self._asking or self._heard + silence > clock()):
            await asyncio.wait([lines], timeout=min(silence, 1.0))
        if lines.done():
            lines.result()

    async def _asked(self) -> dict[str, Any] | None:
        clock = asyncio.get_running_loop().time
        self._asking, begun = True, clock()
        try:
            return await self._driver()
        finally:
            self._asking = False
            self._heard += clock() - begun

    def _pass(self, line: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        if self._passed.is_new(line):
            text = line.partition(b" ")[2] if time_of(line) else line
            shown = text.decode(errors="replace").rstrip()
            if shown and not shown.startswith(NOISE):
                self._log(shown)


def time_of(line: bytes) -> bytes:
    """The time before a line; empty for a line of the node's own, which has none."""
    return line.partition(b" ")[0] if line[:1].isdigit() else b""
