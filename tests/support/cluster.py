"""Prepare a cluster for tests: deploy an environment, build an image with a project's code, start an Airflow."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace import storage

from tests.support import JOBS_PYTHON, PROJECT, airflow, s3_server
from tests.support.airflow_api import Airflow
from tests.support.ground import NAMESPACE, Ground, with_settings

SCRIPT = Path(os.environ.get("HEADRACE_SHARED", PROJECT.parent / "shared")) / "cluster" / "cluster"
JOBS_IMAGE = "docker.io/headrace/jobs:latest"
MLFLOW_IMAGE = "docker.io/headrace/mlflow:3.17.2"
CONFIGURATIONS = {  # more folders of configuration in the image, for `--conf`: their settings of `training`
    "conf-long": {"max_epochs": 5000, "patience": 5000},
    "conf-hurried": {"start_timeout_seconds": 40, "seed": 2},  # another seed, as the same training would not run again
}


def script(*arguments: str) -> str:
    """Run the script that manages the tests' cluster, and return what it prints."""
    assert SCRIPT.exists(), f"{SCRIPT} does not exist: set HEADRACE_SHARED to the folder with cluster/"
    done = subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout.strip()


def small_project(folder: Path) -> None:
    """Forty days of some carriers, and a model with short windows."""
    subprocess.run([str(JOBS_PYTHON), "-m", "tests.support.airflow_project", str(folder)], cwd=PROJECT, check=True)


@contextmanager
def running(folder: Path, lay_out: Callable[[Path], None] = small_project) -> Iterator[Ground]:
    """Deploy everything on the cluster, start S3 with the environment's bucket, and build the project's image.

    Within the block, this process has the environment variables of a person who works on the cluster.
    """
    script("up")
    bin_folder, kubeconfig = script("bin"), script("kubeconfig")
    project, buckets = folder / "project", folder / "buckets"
    lay_out(project)
    for name in ("jobs", "dags"):
        shutil.copytree(PROJECT / "tests" / "k8s" / name, project / name, dirs_exist_ok=True)
    (buckets / "headrace-staging").mkdir(parents=True)
    key, secret = f"KEY{secrets.token_hex(8)}", secrets.token_hex(20)
    with s3_server.running(buckets, key, secret, node_address(kubeconfig)) as s3:
        ground = Ground(kubeconfig, f"{bin_folder}:{os.environ['PATH']}", s3, project, script("chart"))
        make("image")
        ground.image = image_of(project)
        ground.configure(image=ground.image)
        deploy(ground)
        ground.clear()
        with environment(ground.variables):
            put(project / "build" / "inbox", ground.config().inbox)
            yield ground


def put(folder: Path, to: storage.Place) -> None:
    """Upload all files of a folder. A file copied into the server's folder would have no ETag, which Spark needs."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    storage.for_each(to, lambda path: storage.upload(path, to / path.relative_to(folder)), files)


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
def airflow_on(ground: Ground, home: Path) -> Iterator[Airflow]:
    """Run an Airflow whose jobs run on the cluster, until the block ends."""
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": ground.kubeconfig}}
    known = {name: value for name, value in ground.variables.items() if name != "PATH"}
    settings = known | {"AIRFLOW_CONN_KUBERNETES_DEFAULT": json.dumps(connection)}
    with airflow.running(home, ground.project, **settings) as running:
        running.unpause("probe", "flights_daily", "flights_train", "flights_rebuild", "cluster_sweep")
        yield running


def node_address(kubeconfig: str) -> str:
    """The address at which pods reach a server on this machine."""
    line = ["kubectl", "--kubeconfig", kubeconfig, "get", "node", "-o", "json"]
    [node] = json.loads(subprocess.run(line, capture_output=True, check=True).stdout)["items"]
    return next(str(a["address"]) for a in node["status"]["addresses"] if a["type"] == "InternalIP")


def image_of(project: Path) -> str:
    """Build the image of jobs with the project's code as its last layer, and load it on the node."""
    tag = f"docker.io/headrace/tests:{secrets.token_hex(4)}"
    context = project / "image"
    context.mkdir()
    for name, to in {"flights": "lib/flights", "jobs": "jobs", "conf": "conf"}.items():
        shutil.copytree(project / name, context / to, ignore=shutil.ignore_patterns("__pycache__"))
    for name, training in CONFIGURATIONS.items():
        shutil.copytree(project / "conf", context / name)
        (context / name / "base.yaml").write_text(with_settings(project / "conf" / "base.yaml", training=training))
    (project / "Dockerfile").write_text(f"FROM {JOBS_IMAGE}\nCOPY . /opt/headrace\n")
    given = ["--file", str(project / "Dockerfile"), "--tag", tag, str(context)]
    build = ["buildah", "bud", "--quiet", "--isolation", "chroot", *given]
    subprocess.run(build, check=True, capture_output=True)
    script("load", tag)
    return tag


def deploy(ground: Ground) -> None:
    """Run ``make deploy`` with the keys of this S3, after MLflow's image and disk are ready."""
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
    return any(image in (known.get("names") or ()) for known in node["status"]["images"])


def make(*arguments: str, **variables: str) -> None:
    done = subprocess.run(
        ["make", *arguments], cwd=PROJECT, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (arguments, done.stdout[-3000:], done.stderr[-3000:])
