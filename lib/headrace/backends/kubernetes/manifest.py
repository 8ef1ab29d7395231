"""A job as the manifest of a SparkApplication (sparkoperator.k8s.io/v1beta2): all that the cluster needs to run it.

Everything is in the pod templates and Spark's own settings, so the operator's webhook is not needed, and a person can
apply it. What is secret is named, and the kubelet puts it into the containers.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import PurePosixPath
from typing import Any

from headrace import variables
from headrace.backends.kubernetes.names import Identity
from headrace.backends.spark_settings import common_settings, java_options, log4j
from headrace.commands import Job
from headrace.config import Config, PodResources, Size
from headrace.sizing.sizes import size_of

GROUP, VERSION, PLURAL = "sparkoperator.k8s.io", "v1beta2", "sparkapplications"
DOMAIN = "headrace.io"
DIGEST = f"{DOMAIN}/spec-digest"
IDENTITY = f"{DOMAIN}/identity"
RESULTS = f"{DOMAIN}/results"
MANAGED = {"app.kubernetes.io/managed-by": "headrace"}
SPARK_VERSION = "4.2.0"
USER = 185  # of the image
HOME = "/opt/headrace"  # the project, in the image
SECRET_AT = "/etc/headrace/spark"
SECRET = {"key": "secret", "path": "secret"}
TERMINATION_LOG = "/dev/termination-log"
GRACE_SECONDS = 5  # between SIGTERM and SIGKILL: the driver leaves its row in the ledger


def manifest(config: Config, identity: Identity, job: Job) -> dict[str, Any]:
    """The application that runs a PySpark file of the project with these arguments.

    Its annotation ``headrace.io/spec-digest`` tells one specification from another: what has the same name and the same
    digest is the same job.
    """
    image = os.environ.get(variables.IMAGE) or config.kubernetes.image
    size = size_of(config, job)
    spec = _spec(config, job, size, image)
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    results = str(config.layout.results(f"{identity.name}-{digest}"))
    job_variables = {
        variables.RESULT: results,
        variables.IMAGE_ID: image,
        variables.SIZE: size.model_dump_json(),
    }
    container = spec["driver"]["template"]["spec"]["containers"][0]
    container["env"] += [{"name": name, "value": value} for name, value in job_variables.items()]
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "SparkApplication",
        "metadata": {
            "name": identity.name,
            "namespace": config.kubernetes.namespace,
            "labels": {
                **MANAGED,
                f"{DOMAIN}/environment": config.environment,
                **{f"{DOMAIN}/{key}": value for key, value in identity.labels.items() if value},
            },
            "annotations": {DIGEST: digest, IDENTITY: json.dumps(identity.parts), RESULTS: results},
        },
        "spec": spec,
    }


def spark_settings(config: Config) -> dict[str, str]:
    """The settings of a driver on the cluster, beside those that only spark-submit may set."""
    # The ledger needs the memory of a pod's JVM and of its Python apart.
    return {**common_settings(config), "spark.executor.processTreeMetrics.enabled": "true"}


def _spec(config: Config, job: Job, size: Size, image: str) -> dict[str, Any]:
    kubernetes = config.kubernetes
    return {
        "type": "Python",
        "pythonVersion": "3",
        "mode": "cluster",
        "sparkVersion": SPARK_VERSION,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "mainApplicationFile": f"local://{HOME}/{job.file}",
        "arguments": list(job.arguments),
        "restartPolicy": {"type": "Never"},  # to try again is Airflow's, who knows whether it can help
        "timeToLiveSeconds": kubernetes.keep_seconds,
        "sparkConf": _spark_conf(config),
        "driver": {
            **_given(size.driver),
            "serviceAccount": kubernetes.driver_account,
            "template": _driver_pod(config),
        },
        "executor": {
            **_given(size.executor),
            # Spark starts none before a job asks for its session; the operator wants one named at least.
            "instances": max(1, size.executors),
            "serviceAccount": kubernetes.executor_account,
            "template": _executor_pod(config),
        },
    }


def _given(container: PodResources) -> dict[str, Any]:
    return {
        "cores": container.cores,
        "coreRequest": container.cpu_request,
        "coreLimit": str(container.cores),
        "javaOptions": java_options(PurePosixPath(HOME, "lib", "headrace", log4j().name)),
        "memory": container.memory,
        "memoryOverhead": container.overhead,
    }


def _spark_conf(config: Config) -> dict[str, str]:
    return {
        **spark_settings(config),
        # Who does not know the secret can neither give Spark's processes orders nor read what they send.
        "spark.authenticate": "true",
        "spark.authenticate.secret.file": f"{SECRET_AT}/secret",
        "spark.network.crypto.enabled": "true",
        # One that the quota has no room for counts as failed, about one a second: so it is waited for a minute.
        "spark.executor.maxNumFailures": "60",
        # An executor that ended stays until the application goes: how it ended is the reason of many a failure.
        "spark.kubernetes.executor.deleteOnTermination": "false",
        # All that belongs to the driver's pod goes with it; to tidy up itself it would need more rights than it has.
        "spark.kubernetes.driver.service.deleteOnTermination": "false",
        "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
        "spark.kubernetes.driver.reusePersistentVolumeClaim": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": config.layout.spark_events,
    }


def _driver_pod(config: Config) -> dict[str, Any]:
    pod = _pod(config, "spark-kubernetes-driver")
    pod["spec"]["automountServiceAccountToken"] = True  # it starts executors
    pod["spec"]["containers"][0]["env"].append({"name": variables.TERMINATION_LOG, "value": TERMINATION_LOG})
    secret = {"secretName": config.kubernetes.spark_secret, "defaultMode": 0o440, "items": [SECRET]}
    pod["spec"]["volumes"].append({"name": "spark-secret", "secret": secret})
    mount = {"name": "spark-secret", "mountPath": SECRET_AT, "readOnly": True}
    pod["spec"]["containers"][0]["volumeMounts"].append(mount)
    return pod


def _executor_pod(config: Config) -> dict[str, Any]:
    """Spark's executor reads the shared secret from a file only once it knows its master, which it asks for with the
    secret: so it gets what the driver makes of the file, the same in base64, as a variable."""
    pod = _pod(config, "spark-kubernetes-executor")
    reference = {"secretKeyRef": {"name": config.kubernetes.spark_secret, "key": "executor"}}
    pod["spec"]["containers"][0]["env"].append({"name": "_SPARK_AUTH_SECRET", "valueFrom": reference})
    return pod


def _pod(config: Config, name: str) -> dict[str, Any]:
    """A pod as the standard `restricted` asks for, its root file system read-only, and one folder to write in."""
    job_variables = {
        variables.ENVIRONMENT: config.environment,
        variables.HOME: HOME,
    }
    return {
        "metadata": {"labels": dict(MANAGED)},
        "spec": {
            "priorityClassName": config.kubernetes.priority_class,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": 0,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": name,
                    "env": [{"name": key, "value": value} for key, value in job_variables.items()],
                    "envFrom": [{"secretRef": {"name": each}} for each in config.kubernetes.environment],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "terminationMessagePath": TERMINATION_LOG,
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }
