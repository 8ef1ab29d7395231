"""The names of applications: the same job of the same run always has the same name, and two jobs never share one.

The API server accepts a name only once, so the name is the lock: its owner owns the only such application.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.commands import Job
from headrace.who import user

MAX_LENGTH = 36  # executors are called <name>-<16 characters of a hash>-exec-<n>, at most 63 characters
DIGEST = 10
DRIVER = "-driver"
BY_TASK, BY_HAND = "task", "hand"  # the first part of an identity


@dataclass(frozen=True)
class Identity:
    """What identifies an application.

    Attributes:
        parts: they distinguish it from all others.
        slug: the readable start of its name.
        labels: by which a person selects applications.
    """

    parts: tuple[str, ...]
    slug: str
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """At most 36 characters of ``a-z0-9-``, beginning with a letter and ending with a digest of ``parts``."""
        digest = hashlib.sha256(json.dumps(self.parts).encode()).hexdigest()[:DIGEST]
        slug = re.sub(r"[^a-z0-9]+", "-", self.slug.lower()).strip("-")
        if not slug[:1].isalpha():
            slug = f"h-{slug}".rstrip("-")
        return f"{slug[: MAX_LENGTH - DIGEST - 1].rstrip('-')}-{digest}"


def of_task(dag: str, task: str, run: str, map_index: int) -> Identity:
    """The application of a task instance; all its tries share it."""
    labels = {"dag": label(dag), "task": label(task)}
    return Identity((BY_TASK, dag, task, run, str(map_index)), f"{dag}-{task}", labels)


def by_hand(job: Job, root: str, image: str) -> Identity:
    """The application that a person starts from a terminal.

    The same command again has the same identity if it works below the same root with the same image.
    """
    name = user()
    return Identity((BY_HAND, name, root, image, job.file, *job.arguments), f"{job.name}-{name}", {"by": label(name)})


def label(text: str) -> str:
    """The text as a label's value: at most 63 of ``A-Za-z0-9._-``, with a letter or digit at both ends."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:63].strip("._-")


def driver_of(application: str) -> str:
    """The name that the operator gives to an application's driver pod."""
    return f"{application}{DRIVER}"
