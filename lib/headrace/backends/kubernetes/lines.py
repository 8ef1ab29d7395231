"""Pass on each line of a driver's log once, although every new connection begins with the first line again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from headrace.backends.base import Log
from headrace.backends.kubernetes.api import Cluster
from headrace.errors import ClusterRefusedError
from headrace.outcome import NOISE

AGAIN_SECONDS = 0.5  # until the next connection
REFUSED_SECONDS = 5.0  # until the next connection, if the cluster refuses to show the log
KEPT_LINES = 5000  # the newest lines, with which the lines of a new connection are compared


class PassedLines:
    """What of a log was passed on. Each line begins with its time.

    Two streams make one log, and times are not quite in order. So the newest lines that were passed on are kept. A line
    is new if it is none of them, and is younger than all lines that are no longer kept.
    """

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()
        self._known: set[bytes] = set()
        self._forgotten = b""

    def is_new(self, line: bytes) -> bool:
        """Whether the line was not passed on before. It counts as passed on from now on."""
        if line in self._known or _time(line) <= self._forgotten:
            return False
        self._kept.append(line)
        self._known.add(line)
        if len(self._kept) > KEPT_LINES:
            oldest = self._kept.popleft()
            self._known.remove(oldest)
            self._forgotten = max(self._forgotten, _time(oldest))
        return True


class DriverLog:
    """The log of one driver.

    Args:
        ended: whether the driver has ended, so that its log is complete.
        log: takes the lines.
        say: takes what is to be said about the log.
    """

    def __init__(self, cluster: Cluster, pod: str, ended: Callable[[], Awaitable[bool]], log: Log, say: Log) -> None:
        self._cluster, self._pod, self._ended, self._log, self._say = cluster, pod, ended, log, say
        self._passed = PassedLines()
        self._newest = 0.0  # when the last line came, by the clock of the event loop

    async def pass_on(self) -> None:
        """Pass on each line once, until the log is complete."""
        from aiohttp import ClientError
        from kubernetes_asyncio.client import ApiException

        refusal = ""
        while True:
            pause = AGAIN_SECONDS
            try:
                async for line in self._cluster.log(self._pod):
                    self._pass(line)
            except ClusterRefusedError as refused:
                pause = REFUSED_SECONDS
                if str(refused) != refusal:
                    refusal = str(refused)
                    self._say(f"the driver's log cannot be read: {refusal}")
            except (TimeoutError, ClientError, ApiException, OSError):
                pass
            if await self._ended():
                return
            await asyncio.sleep(pause)

    async def settled(self, lines: asyncio.Task[Any], silence: float) -> None:
        """Wait until ``pass_on``, which is the task ``lines``, has ended, or no line has come for so many seconds.

        Raises:
            ClusterError: the cluster could not be asked whether the driver has ended.
        """
        clock = asyncio.get_running_loop().time
        begun = clock()
        while not lines.done() and (left := max(begun, self._newest) + silence - clock()) > 0:
            await asyncio.wait([lines], timeout=left)
        if lines.done():
            lines.result()

    def _pass(self, line: bytes) -> None:
        if self._passed.is_new(line):
            self._newest = asyncio.get_running_loop().time()
            shown = line.partition(b" ")[2].decode(errors="replace").rstrip()
            if shown and not shown.startswith(NOISE):
                self._log(shown)


def _time(line: bytes) -> bytes:
    return line.partition(b" ")[0]
