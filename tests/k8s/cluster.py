"""A real cluster for tests, with a real S3 server beside it, and an image with the code of a project of its own.

The cluster is the one that `$HEADRACE_SHARED/cluster` starts, and never kubectl's current context: tests delete things.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import live
import server
import yaml
from headrace import config as configuration
from headrace import storage
from headrace.cluster import follow, names, owner
from headrace.cluster.api import Cluster
from headrace.cluster.manifest import manifest
from headrace.cluster.sizes import AUTO, size_of
from headrace.config import Config
from headrace.ended import Ended
from server import Server

PROJECT = Path(__file__).parents[2]
PYTHON = PROJECT / ".venv" / "bin" / "python"
SCRIPT = Path(os.environ.get("HEADRACE_SHARED", PROJECT.parent / "shared")) / "cluster" / "cluster"
NAMESPACE = "headrace-jobs"
JOBS_IMAGE = "docker.io/headrace/jobs:latest"
MLFLOW_IMAGE = "docker.io/headrace/mlflow:3.17.2"
OTHERWISE = {  # folders of configuration in the image, for `--conf`: what differs below `training`
    "conf-long": {"max_epochs": 5000, "patience": 5000},
    "conf-hurried": {"start_timeout_seconds": 40},
}
Json = dict[str, Any]


def script(*arguments: str) -> str:
    """What the cluster's own script prints."""
    assert SCRIPT.exists(), f"there is no {SCRIPT}: set HEADRACE_SHARED to the folder with the cluster to test on"
    done = subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout.strip()


@dataclass
class Ground:
    """The cluster, S3, and a project whose code is in an image on the node."""

    kubeconfig: str
    path: str
    s3: Server
    project: Path
    chart: str
    image: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """The environment of whoever works on this cluster."""
        own = {
            "KUBECONFIG": self.kubeconfig,
            "PATH": self.path,
            "HEADRACE_HOME": str(self.project),
            "HEADRACE_ENV": "staging",
            "SPARK_OPERATOR_CHART": self.chart,
        }
        return own | self.s3.variables

    def config(self, **kubernetes: Any) -> Config:
        """The environment's configuration, with other settings of its cluster."""
        loaded = configuration.load("staging", self.project / "conf")
        return loaded.model_copy(update={"kubernetes": loaded.kubernetes.model_copy(update=kubernetes)})

    def configure(self, **kubernetes: Any) -> None:
        """Change settings of the environment's cluster in the project's own file, as a person would."""
        path = self.project / "conf" / "staging.yaml"
        path.write_text(with_settings(path, kubernetes=kubernetes))

    @contextmanager
    def configured(self, **kubernetes: Any) -> Iterator[None]:
        path = self.project / "conf" / "staging.yaml"
        before = path.read_text()
        self.configure(**kubernetes)
        try:
            yield
        finally:
            path.write_text(before)

    def kubectl(self, *arguments: str, check: bool = True, text: str | None = None) -> str:
        done = subprocess.run(
            ["kubectl", *arguments], env=os.environ | self.variables, input=text, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, (arguments, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def objects(self, kind: str, selector: str = "") -> list[Json]:
        chosen = ["-l", selector] if selector else []
        return list(json.loads(self.kubectl("-n", NAMESPACE, "get", kind, *chosen, "-o", "json"))["items"])

    def names(self, kind: str, selector: str = "") -> list[str]:
        return [each["metadata"]["name"] for each in self.objects(kind, selector)]

    def driver_log(self, made: Json) -> str:
        """What the driver of an application has said so far."""
        return self.kubectl("-n", NAMESPACE, "logs", names.driver_of(made["metadata"]["name"]), check=False)

    def left(self) -> list[str]:
        """What is left of jobs in the namespace: applications, their pods, services and settings."""
        ours = "app.kubernetes.io/managed-by=headrace"
        pods = self.names("pods", f"spark-role,{ours}")
        services = self.names("services", "spark-app-selector")
        return [*self.names("sparkapplications", ours), *pods, *services]

    def asked(self, work: Callable[[Cluster], Awaitable[Any]]) -> Any:
        """The answer of something asked of the API server."""
        return asyncio.run(self._asked(work))

    async def _asked(self, work: Callable[[Cluster], Awaitable[Any]]) -> Any:
        from kubernetes_asyncio import client
        from kubernetes_asyncio import config as kubeconfig

        async def login() -> client.Configuration:
            settings = client.Configuration()
            await kubeconfig.load_kube_config(self.kubeconfig, client_configuration=settings)
            return settings

        async with client.ApiClient(await login()) as api:
            return await work(Cluster(api, NAMESPACE, login))

    def manifest(self, name: str, file: str, *arguments: str, size: str = AUTO, **kubernetes: Any) -> Json:
        """The application that runs a file for a test called ``name``."""
        config = self.config(**kubernetes)
        given = size_of(config, file, arguments, size)
        return manifest(config, names.of_task("tests", name, "run", -1), file, arguments, given)

    def run(self, made: Json, *, start_timeout: float = 120) -> tuple[Ended, list[str]]:
        """Own it, follow it to its end and release it, as a task does; returns how it ended, and its lines."""
        lines: list[str] = []

        async def work(cluster: Cluster) -> Ended:
            owned = await owner.own(cluster, made)
            try:
                return await follow.follow(cluster, owned.name, start_timeout, lines.append)
            finally:
                await owner.release(cluster, owned.name, owned.uid)

        return self.asked(work), lines


def small_project(folder: Path) -> None:
    """Forty days of some carriers, and a model with short windows."""
    subprocess.run([str(PYTHON), "tests/airflow/project.py", str(folder)], cwd=PROJECT, check=True)


@contextmanager
def running(folder: Path, lay_out: Callable[[Path], None] = small_project) -> Iterator[Ground]:
    """The cluster with everything deployed on it, S3 with the environment's bucket, and the project's image; the
    block's environment is that of whoever works there."""
    script("up")
    bin_folder, kubeconfig = script("bin"), script("kubeconfig")
    project, buckets = folder / "project", folder / "buckets"
    lay_out(project)
    for name in ("jobs", "dags"):
        shutil.copytree(PROJECT / "tests" / "k8s" / name, project / name, dirs_exist_ok=True)
    (buckets / "headrace-staging").mkdir(parents=True)
    key, secret = f"KEY{secrets.token_hex(8)}", secrets.token_hex(20)
    with server.running(buckets, key, secret, node_address(kubeconfig)) as s3:
        ground = Ground(kubeconfig, f"{bin_folder}:{os.environ['PATH']}", s3, project, script("chart"))
        make("image")
        ground.image = image_of(project)
        ground.configure(image=ground.image)
        deploy(ground)
        with environment(ground.variables):
            inbox, to = project / "build" / "inbox", ground.config().inbox
            files = [path for path in inbox.rglob("*") if path.is_file()]
            storage.for_each(to, lambda path: storage.upload(path, to / path.relative_to(inbox)), files)
            yield ground


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def airflow_on(ground: Ground, home: Path) -> Iterator[live.Airflow]:
    """An Airflow of its own, whose jobs run on the cluster."""
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": ground.kubeconfig}}
    known = {name: value for name, value in ground.variables.items() if name != "PATH"}
    settings = known | {"AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection)}
    with live.running(home, ground.project, **settings) as running:
        running.unpause("probe", "flights_daily", "flights_train", "flights_rebuild", "cluster_sweep")
        yield running


def node_address(kubeconfig: str) -> str:
    """Where pods reach a server on this machine."""
    line = ["kubectl", "--kubeconfig", kubeconfig, "get", "node", "-o", "json"]
    [node] = json.loads(subprocess.run(line, capture_output=True, check=True).stdout)["items"]
    return next(str(each["address"]) for each in node["status"]["addresses"] if each["type"] == "InternalIP")


def image_of(project: Path) -> str:
    """The image of jobs with the project's own code as its last layer, as anybody's project has it; on the node."""
    tag = f"docker.io/headrace/tests:{secrets.token_hex(4)}"
    context = project / "image"
    context.mkdir()
    for name, to in {"flights": "lib/flights", "jobs": "jobs", "conf": "conf"}.items():
        shutil.copytree(project / name, context / to, ignore=shutil.ignore_patterns("__pycache__"))
    for name, training in OTHERWISE.items():
        shutil.copytree(project / "conf", context / name)
        (context / name / "base.yaml").write_text(with_settings(project / "conf" / "base.yaml", training=training))
    (project / "Dockerfile").write_text(f"FROM {JOBS_IMAGE}\nCOPY . /opt/headrace\n")
    given = ["--file", str(project / "Dockerfile"), "--tag", tag, str(context)]
    build = ["buildah", "bud", "--quiet", "--isolation", "chroot", *given]
    subprocess.run(build, check=True, capture_output=True)
    script("load", tag)
    return tag


def with_settings(path: Path, **sections: dict[str, Any]) -> str:
    """A file of settings, with others in some of its sections."""
    return yaml.safe_dump(configuration.merged(yaml.safe_load(path.read_text()), sections))


def deploy(ground: Ground) -> None:
    """``make deploy``, as a person types it, with the keys of this S3; MLflow's image and disk are there before."""
    if not on_node(ground, MLFLOW_IMAGE):
        make("image-mlflow")
        script("load", MLFLOW_IMAGE)
    Path("/var/lib/headrace-mlflow").mkdir(mode=0o777, exist_ok=True)
    Path("/var/lib/headrace-mlflow").chmod(0o777)
    ground.kubectl("apply", "-f", str(PROJECT / "spark-on-k8s" / "mlflow" / "node-volume.yaml"))
    ground.kubectl("-n", NAMESPACE, "delete", "secret", "headrace-s3", "--ignore-not-found", check=False)
    make("deploy", "ENV=staging", **ground.variables)


def on_node(ground: Ground, image: str) -> bool:
    [node] = json.loads(ground.kubectl("get", "node", "-o", "json"))["items"]
    return any(image in each["names"] for each in node["status"]["images"])


def make(*arguments: str, **variables: str) -> None:
    done = subprocess.run(
        ["make", *arguments], cwd=PROJECT, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (arguments, done.stdout[-3000:], done.stderr[-3000:])
