"""``conf/base.yaml`` and one file for each environment, merged and validated once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace import variables
from headrace.arguments import ArgumentParser
from headrace.config.settings import Config
from headrace.errors import ConfigError
from headrace.hints import nearest
from headrace.storage import Place, place
from headrace.yamlfile import line_of, read_mapping, validate


@dataclass(frozen=True)
class ConfigSource:
    """What a person or a job said about the configuration to use.

    An empty ``environment`` means HEADRACE_ENV or ``local``. Without ``folder`` it is HEADRACE_CONF or ``conf`` in the
    project. ``root`` moves everything that the environment keeps to another place.
    """

    environment: str = ""
    folder: Path | None = None
    root: str = ""

    def load(self) -> Config:
        """Read the configuration; see ``load``."""
        return load(self.environment, self.folder, self.root)

    @classmethod
    def from_argv(cls, arguments: Sequence[str]) -> tuple[ConfigSource, list[str]]:
        """Take ``--env``, ``--conf`` and ``--root`` out of a job's arguments; returns the other arguments too.

        Raises:
            ArgumentsError: one of them has no value.
        """
        parser = ArgumentParser("the job", add_help=False)
        for flag in ("--env", "--conf", "--root"):
            parser.add_argument(flag, default="")
        found, others = parser.parse_known_args(list(arguments))
        return cls(found.env, Path(found.conf) if found.conf else None, found.root), others

    def to_argv(self) -> list[str]:
        """The arguments that make a job load the same configuration."""
        options = {"--env": self.environment, "--conf": self.folder, "--root": self.root}
        return [part for flag, value in options.items() if value for part in (flag, str(value))]


def home() -> Path:
    """The project's root folder, which relative paths begin at: HEADRACE_HOME, or the current folder."""
    return Path(os.environ.get(variables.HOME, "."))


def load(environment: str = "", folder: Path | None = None, root: Place | str = "") -> Config:
    """Read the configuration of an environment; ``ConfigSource`` says what the arguments mean.

    A job on a cluster is given its configuration, so that one file decides, and not also a copy in the job's image.

    Raises:
        ConfigError: a key or the environment is unknown, or a value is wrong; names file and line.
    """
    environment = environment or os.environ.get(variables.ENVIRONMENT, "local")
    if folder is None and (given := os.environ.get(variables.CONFIG)):
        return _given(given, environment, root)
    folder = folder or Path(os.environ.get(variables.CONF) or home() / "conf")
    base, chosen = folder / "base.yaml", folder / f"{environment}.yaml"
    if not base.exists():
        raise ConfigError(f"{base} does not exist", "Run this in the project's root folder, or set HEADRACE_CONF")
    if chosen == base or not chosen.exists():
        known = [p.stem for p in folder.glob("*.yaml") if p.stem != "base"]
        raise ConfigError(f"no environment is called {environment!r} in {folder}", nearest(environment, known))
    content = merged(read_mapping(base, ConfigError), read_mapping(chosen, ConfigError))
    if root:
        content["root"] = str(root)
    config = validate(Config, content, [base, chosen], ConfigError)
    if config.environment != environment:  # a copied file: staging must never work on the data of prod
        line = line_of(chosen, ["environment"]) or 1
        raise ConfigError(
            f"{chosen}:{line}: environment is {config.environment!r}", f"In this file it must be {environment!r}"
        )
    return config


def _given(content: str, environment: str, root: Place | str) -> Config:
    """The configuration that whoever started the job had read. Its release of Headrace may be another one."""
    config = Config.from_any_release(content)
    if config.environment != environment:
        raise ConfigError(
            f"the job was given the configuration of {config.environment!r}, and asks for {environment!r}",
            f"Start it with --env {environment}",
        )
    return config.model_copy(update={"root": place(root)}) if root else config


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the keys of ``over`` laid over it, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
