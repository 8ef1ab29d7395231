"""The parts of the Kubernetes backend that need no cluster: names, sizes, manifests, and the diagnosis of failures."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from headrace import config as configuration
from headrace.backends.kubernetes import names
from headrace.backends.kubernetes.backend import KubernetesBackend
from headrace.backends.kubernetes.manifest import DIGEST, manifest
from headrace.commands import Build, Combined, Job, Land, Score
from headrace.config import Config
from headrace.errors import RETRYABLE, ArgumentsError, ConfigError
from headrace.sizing.sizes import bytes_of, size_of

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(scope="module")
def config() -> Config:
    return configuration.load("staging", CONF)


def application(config: Config, table: str = "flights.features") -> Any:
    identity = names.of_task("flights_daily", "build", "run 1", -1)
    return manifest(config, identity, Job.of(Build(table, "2013-12-01")))


@pytest.mark.parametrize(
    ("dag", "task"),
    [
        ("flights_daily", "build"),
        ("d" * 200, "t" * 200),
        ("9lives.of.cats", "group.task-1"),
        ("__", "--"),
        ("Flüge", "täglich"),
    ],
)
def test_a_name_is_one_that_kubernetes_and_spark_take(dag: str, task: str) -> None:
    name = names.of_task(dag, task, "scheduled__2013-12-01T06:00:00+00:00", -1).name
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    assert len(f"{name}-{'0' * 16}-exec-99") <= 63
    assert len(names.driver_of(name)) <= 63


def test_two_task_instances_have_two_names() -> None:
    ours = ("flights_daily", "build", "run 1", -1)
    others = [
        ("flights_daily", "build", "run 2", -1),
        ("flights_daily", "build", "run 1", 0),
        ("flights_daily_build", "", "run 1", -1),
        ("flights", "daily_build", "run 1", -1),
    ]
    assert names.of_task(*ours).name == names.of_task(*ours).name
    assert len({names.of_task(*task).name for task in [ours, *others]}) == 5


def test_the_same_command_by_hand_has_the_same_name_and_anything_else_has_another() -> None:
    def name(job: Job, root: str = "s3://lake", image: str = "jobs:1") -> str:
        return names.by_hand(job, root, image).name

    build = Job.of(Build("flights.legs", "2013-12-01"))
    assert name(build).startswith("build-")
    assert name(Job.of_file("jobs/build.py", ["flights.legs", "--days", "2013-12-01"])) == name(build)
    others = [Build("flights.legs", "2013-12-02"), Build("flights.legs", "2013-12-01", catch_up=True)]
    of_others = [name(Job.of(command)) for command in others]
    assert len({name(build), *of_others, name(build, root="s3://other"), name(build, image="jobs:2")}) == 5


def test_labels_hold_what_kubernetes_takes() -> None:
    assert names.label("a b/c:d" + "x" * 100 + "-") == "a-b-c-d" + "x" * 56
    assert names.label("..x..") == "x"


def test_an_application_of_several_stages_is_given_enough_for_each(config: Config) -> None:
    combined = Combined((Land("2013-12-01"), Build("t", "2013-12-01"), Score("m", "2013-12-01")))
    given = size_of(config, Job.of(combined))
    assert size_of(config, Job.of_file(combined.file, combined.to_argv())) == given
    assert (given.driver.memory, given.driver.overhead) == ("1500m", "1g")
    assert (given.executor.memory, given.executor.overhead, given.executor.cores) == ("1500m", "1500m", 2)
    assert given.executors == 1


def test_a_stage_gets_its_size_and_a_file_that_is_not_a_stage_the_default(config: Config) -> None:
    assert size_of(config, Job.of(Build("t", "2013-12-01"))).executor == config.sizes["build"].executor
    assert size_of(config, Job.of_file("jobs/export_scores.py")) == config.sizes["default"]
    assert size_of(config, Job.of_file("jobs/export_scores.py", size="train")) == config.sizes["train"]


def test_a_size_that_nobody_declared_is_refused_with_the_nearest(config: Config) -> None:
    with pytest.raises(ConfigError, match=r"no size is called 'trains' in conf/staging.yaml. Did you mean 'train'\?"):
        size_of(config, Job.of_file("jobs/train.py", size="trains"))
    with pytest.raises(ArgumentsError, match=r"jobs/run\.py is missing the name of a stage"):
        size_of(config, Job.of_file("jobs/run.py"))


def test_another_argument_is_another_specification(config: Config) -> None:
    digest = application(config)["metadata"]["annotations"][DIGEST]
    assert application(config)["metadata"]["annotations"][DIGEST] == digest
    assert application(config, "flights.legs")["metadata"]["annotations"][DIGEST] != digest


def test_the_image_in_the_environment_overrides_the_configured_one(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_IMAGE", "example.org/jobs:42")
    assert application(config)["spec"]["image"] == "example.org/jobs:42"


@pytest.mark.parametrize("image", ["jobs:latest", "jobs:0.1.0", "jobs@sha256:abc", f"jobs@sha256:{'0' * 64}x"])
def test_where_images_go_by_digest_any_other_name_is_refused(
    config: Config, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = config.model_copy(
        update={"kubernetes": config.kubernetes.model_copy(update={"image": image, "require_digest": True})}
    )
    with pytest.raises(ConfigError, match=f"staging runs images by digest, and {image} has none"):
        application(strict)
    monkeypatch.setenv("HEADRACE_IMAGE", by_digest := f"jobs@sha256:{'0' * 64}")
    assert application(strict)["spec"]["image"] == by_digest


def test_only_a_job_by_hand_has_a_deadline_of_its_own(config: Config) -> None:
    by_hand = yaml.safe_load(KubernetesBackend(config).submission(Job.of(Build("flights.legs", "2013-01-02"))))
    assert by_hand["spec"]["driver"]["template"]["spec"]["activeDeadlineSeconds"] == 24 * 3600
    assert "activeDeadlineSeconds" not in application(config)["spec"]["driver"]["template"]["spec"]


def test_pods_satisfy_the_restricted_standard(config: Config) -> None:
    for role in ("driver", "executor"):
        pod = application(config)["spec"][role]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        context = pod["containers"][0]["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
    assert application(config)["spec"]["executor"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_a_manifest_names_secrets_and_holds_none(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, f"secret-of-{name}")
    text = json.dumps(application(config))
    assert "secret-of-" not in text
    container = application(config)["spec"]["driver"]["template"]["spec"]["containers"][0]
    assert container["envFrom"] == [{"secretRef": {"name": "headrace-s3"}}]


def test_memory_is_read_as_spark_writes_it() -> None:
    assert (bytes_of("512m"), bytes_of("2g")) == (2**29, 2**31)


# What the operator 2.4.0 and Kubernetes 1.34 said, shortened in the middle.


def test_a_file_that_is_not_a_stage_gets_the_size_that_is_called_like_it(config: Config) -> None:
    own = config.sizes["default"].model_copy(update={"reason": "it exports"})
    sized = config.model_copy(update={"sizes": {**config.sizes, "export_scores": own}})
    assert size_of(sized, Job.of_file("jobs/export_scores.py")) == own
    assert size_of(sized, Job.of_file("./jobs/build.py")) == config.sizes["build"]


def test_a_job_that_is_cancelled_before_it_starts_makes_no_application(config: Config) -> None:
    asked: list[object] = []

    @asynccontextmanager
    async def connect(_config: Config) -> AsyncIterator[object]:
        asked.append("connected")
        yield None  # any use of it fails

    backend = KubernetesBackend(config, connect)
    backend.cancel()
    outcome = backend.run(Job.of_file("jobs/build.py", ["flights.legs"]), asked.append)
    assert (outcome.code, outcome.reason) == (RETRYABLE, "cancelled before it was submitted")
    assert asked == ["connected"]
