"""The points at which fault tests kill a stage follow the platform's code."""

from __future__ import annotations

import functools
import importlib
import random
from collections.abc import Callable

import pytest

from tests.support.points import POINTS, Point, arm


class DiedError(Exception):
    """Raised in place of SIGKILL."""


def die() -> None:
    raise DiedError


@pytest.mark.parametrize("name", POINTS)
def test_a_point_names_a_function_that_exists(name: str) -> None:
    module, _, path = POINTS[name].of.partition(":")
    assert callable(functools.reduce(getattr, path.split("."), importlib.import_module(module)))


@pytest.mark.parametrize(("when", "done"), [("before", ["first"]), ("after", ["first", "second"])])
def test_a_process_dies_before_or_after_the_nth_call(
    monkeypatch: pytest.MonkeyPatch, when: str, done: list[str]
) -> None:
    calls: list[str] = []
    append: Callable[[str], None] = calls.append
    monkeypatch.setattr(random, "seed", append)
    arm(Point(when, "random:seed", 2), die)  # type: ignore[arg-type]
    random.seed("first")
    with pytest.raises(DiedError):
        random.seed("second")
    assert calls == done
