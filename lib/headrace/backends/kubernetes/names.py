"""What an application is called: the same job of the same run always alike, and no two of them alike.

The API server takes a name once, so the name is the lock: whoever owns it owns the only such application.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.commands import Job
from headrace.who import user

MAX_LENGTH = 36  # characters: executors are called <name>-<16 of a hash>-exec-<n>, and no name has more than 63
DIGEST = 10
DRIVER = "-driver"
BY_TASK, BY_HAND = "task", "hand"  # the first part of an identity


@dataclass(frozen=True)
class Identity:
    """Whose application it is. ``parts`` tell it from all others; ``labels`` are for a person to choose by."""

    parts: tuple[str, ...]
    slug: str
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """At most 36 of ``a-z0-9-``, from a letter on; the end is a digest of ``parts``."""
        digest = hashlib.sha256(json.dumps(self.parts).encode()).hexdigest()[:DIGEST]
        slug = re.sub(r"[^a-z0-9]+", "-", self.slug.lower()).strip("-")
        if not slug[:1].isalpha():
            slug = f"h-{slug}".rstrip("-")
        return f"{slug[: MAX_LENGTH - DIGEST - 1].rstrip('-')}-{digest}"


def of_task(dag: str, task: str, run: str, map_index: int) -> Identity:
    """The application of a task instance, of whichever try."""
    labels = {"dag": label(dag), "task": label(task)}
    return Identity((BY_TASK, dag, task, run, str(map_index)), f"{dag}-{task}", labels)


def by_hand(job: Job) -> Identity:
    """The application that a person starts from a terminal. The same command again has the same identity."""
    name = user()
    return Identity((BY_HAND, name, job.file, *job.arguments), f"{job.name}-{name}", {"by": label(name)})


def label(text: str) -> str:
    """As much of a text as a label's value may hold: 63 of ``A-Za-z0-9._-``, with letters or digits at both ends."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:63].strip("._-")


def driver_of(application: str) -> str:
    """The name of an application's driver pod, as the operator makes it."""
    return f"{application}{DRIVER}"
