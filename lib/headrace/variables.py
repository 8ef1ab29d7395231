"""The names of all environment variables that Headrace's Python code reads or sets.

``docs/environment-variables.md`` says what each one means, who sets it and who reads it.
"""

from __future__ import annotations

ENVIRONMENT = "HEADRACE_ENV"  # the environment: a file in conf/
CONF = "HEADRACE_CONF"  # the folder with the configuration
HOME = "HEADRACE_HOME"  # the project's root folder, which relative paths begin at
JARS = "HEADRACE_JARS"  # the folder with Spark's extra jars
IMAGE = "HEADRACE_IMAGE"  # the image of jobs on a cluster, instead of the one in conf/

# Whoever starts a job sets these for it.
RESULT = "HEADRACE_RESULT"  # the file that a job appends the results of its stages to
TERMINATION_LOG = "HEADRACE_TERMINATION_LOG"  # the file that a job writes its reason to when it fails
CONFIG = "HEADRACE_CONFIG"  # the configuration that a job was given, as JSON, instead of the one in conf/
SIZE = "HEADRACE_SIZE"  # the size that a job was given, as JSON
IMAGE_ID = "HEADRACE_IMAGE_ID"  # the image that a job runs in
EXECUTOR_CORES = "HEADRACE_EXECUTOR_CORES"  # the cores of the executor that a rank of a training runs in
COMMIT = "HEADRACE_COMMIT"  # the commit that the image was built from
