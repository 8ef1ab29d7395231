"""A real cluster for tests, with a real S3 server beside it, and an image with the code of a project of its own.

The cluster is the one that `$HEADRACE_SHARED/cluster` starts, and never kubectl's current context: tests delete things.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace import config as configuration
from headrace import storage
from headrace.cluster import follow, names, owner
from headrace.cluster.api import Cluster
from headrace.cluster.manifest import manifest
from headrace.cluster.sizes import AUTO, size_of
from headrace.config import Config
from headrace.ended import Ended

PROJECT = Path(__file__).parents[2]
SCRIPT = Path(os.environ.get("HEADRACE_SHARED", PROJECT.parent / "shared")) / "cluster" / "cluster"
NAMESPACE = "headrace-jobs"
JOBS_IMAGE = "docker.io/headrace/jobs:latest"
MLFLOW_IMAGE = "docker.io/headrace/mlflow:3.17.2"
Json = dict[str, Any]


def script(*arguments: str) -> str:
    """What the cluster's own script prints."""
    assert SCRIPT.exists(), f"there is no {SCRIPT}: set HEADRACE_SHARED to the folder with the cluster to test on"
    done = subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout.strip()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("0.0.0.0", 0))
        return int(one.getsockname()[1])


@dataclass
class S3Server:
    """versitygw on a folder: a real S3, which can be stopped and started."""

    program: str
    folder: Path
    address: str
    key: str
    secret: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What whoever talks to it needs."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": f"http://{self.address}",
        }

    def start(self) -> None:
        own = {"ROOT_ACCESS_KEY": self.key, "ROOT_SECRET_KEY": self.secret, "PATH": os.environ["PATH"]}
        line = [self.program, "--port", self.address, "posix", str(self.folder)]
        log = (self.folder.parent / "s3.log").open("ab")
        self.process = subprocess.Popen(line, env=own, stdout=log, stderr=log)
        host, port = self.address.split(":")
        eventually("S3 answers", lambda: _connects(host, int(port)), within=20, every=0.1)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def eventually(what: str, holds: Callable[[], Any], within: float = 120, every: float = 0.5) -> Any:
    """The first true value of ``holds``; an error names what never came."""
    deadline = time.monotonic() + within
    while not (value := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {within:.0f} s"
        time.sleep(every)
    return value


@dataclass
class Ground:
    """The cluster, S3, and a project whose code is in an image on the node."""

    kubeconfig: str
    path: str
    s3: S3Server
    project: Path
    image: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment of whoever works on this cluster."""
        own = {
            "KUBECONFIG": self.kubeconfig,
            "PATH": self.path,
            "HEADRACE_HOME": str(self.project),
            "HEADRACE_ENV": "staging",
            "HEADRACE_IMAGE": self.image,
            "SPARK_OPERATOR_CHART": script("chart"),
        }
        return own | self.s3.variables

    def config(self, **kubernetes: Any) -> Config:
        """The environment's configuration, with other settings of its cluster."""
        loaded = configuration.load("staging", self.project / "conf")
        return loaded.model_copy(update={"kubernetes": loaded.kubernetes.model_copy(update=kubernetes)})

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

        settings = client.Configuration()
        await kubeconfig.load_kube_config(self.kubeconfig, client_configuration=settings)
        async with client.ApiClient(settings) as api:
            return await work(Cluster(api, NAMESPACE))

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


@contextmanager
def running(folder: Path) -> Iterator[Ground]:
    """The cluster with everything deployed on it, S3 with the environment's bucket, and the project's image."""
    script("up")
    bin_folder, kubeconfig = script("bin"), script("kubeconfig")
    node = json.loads(
        subprocess.run(
            ["kubectl", "--kubeconfig", kubeconfig, "get", "node", "-o", "json"], capture_output=True, check=True
        ).stdout
    )["items"][0]
    address = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
    storage = Path(tempfile.mkdtemp(prefix="headrace-s3-"))
    (storage / "data" / "headrace-staging").mkdir(parents=True)
    s3 = S3Server(
        str(Path(bin_folder) / "versitygw"),
        storage / "data",
        f"{address}:{free_port()}",
        f"KEY{secrets.token_hex(8)}",
        secrets.token_hex(20),
    )
    project = folder / "project"
    made = [str(PROJECT / ".venv" / "bin" / "python"), "tests/airflow/project.py", str(project)]
    subprocess.run(made, cwd=PROJECT, check=True)
    shutil.copytree(PROJECT / "tests" / "k8s" / "jobs", project / "jobs", dirs_exist_ok=True)
    s3.start()
    try:
        ground = Ground(kubeconfig, f"{bin_folder}:{os.environ['PATH']}", s3, project, "")
        make("image")
        ground.image = image_of(project)
        deploy(ground)
        deliver(ground)
        yield ground
    finally:
        s3.stop()
        shutil.rmtree(storage)


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
    (context / "Dockerfile").write_text(f"FROM {JOBS_IMAGE}\nCOPY lib lib\nCOPY jobs jobs\nCOPY conf conf\n")
    build = ["buildah", "bud", "--quiet", "--isolation", "chroot", "--tag", tag, str(context)]
    subprocess.run(build, check=True, capture_output=True)
    script("load", tag)
    return tag


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


def deliver(ground: Ground) -> None:
    """The project's inbox, in the bucket."""
    before = dict(os.environ)
    os.environ.update(ground.s3.variables)
    try:
        inbox, to = ground.project / "build" / "inbox", ground.config().inbox
        files = [path for path in inbox.rglob("*") if path.is_file()]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda path: storage.upload(path, to / path.relative_to(inbox)), files))
    finally:
        os.environ.clear()
        os.environ.update(before)
