# `make demo` and `make test` need nothing but Linux x86-64, Python 3.11, a JDK 17, Maven and g++.
# What is downloaded or compiled is kept in HEADRACE_CACHE, named by the digest of what it was made from.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

HEADRACE_CACHE ?= $(HOME)/.cache/headrace
UV_VERSION := 0.13.9
UV := $(HEADRACE_CACHE)/uv-$(UV_VERSION)/bin/uv
PYTHON := .venv/bin/python
LOCKED := --require-hashes --no-deps
# Two processes share the files of tests. A file stays in one process, so what its tests share is made once.
SIDE_BY_SIDE := --numprocesses 2 --dist loadfile --no-loadscope-reorder
COMPILE := --quiet --no-header --generate-hashes --python-version 3.11 --python-platform x86_64-manylinux_2_28

export UV_CACHE_DIR ?= $(HEADRACE_CACHE)/uv
export UV_LINK_MODE ?= hardlink
export UV_PYTHON_DOWNLOADS := never
export PYTHONPATH := lib

.PHONY: help demo test test-s3 test-airflow test-k8s airflow setup lint types check lock clean
.PHONY: faults faults-jobs faults-s3 faults-airflow faults-k8s bench deploy diff image image-mlflow

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup  ## run the whole line on the real flights of 2013 (ENV=staging: on a cluster)
	@.venv/bin/headrace demo $(if $(ENV),--env $(ENV))

test: setup  ## run the tests, including those that kill and break jobs
	@$(PYTHON) -m pytest -m "not long" $(SIDE_BY_SIDE) $(ARGS)

airflow: setup .venv-airflow/ready  ## Airflow's UI on 127.0.0.1 with the DAGs (PORT=8080)
	@tools/airflow up $(or $(PORT),8080)

test-s3: setup  ## run the tests that keep everything in S3 (HEADRACE_SHARED: the folder with cluster/)
	@HEADRACE_SHARED=$${HEADRACE_SHARED:-../shared} $(PYTHON) -m pytest -m "not long" tests/s3 $(ARGS)

test-airflow: setup .venv-airflow/ready  ## run the DAGs on a real Airflow (needs Debian's postgresql)
	@.venv-airflow/bin/python -m pytest -m "not fault and not long" tests/airflow $(ARGS)

test-k8s: setup .venv-airflow/ready  ## run jobs and DAGs on a real cluster, with their files in S3 (needs HEADRACE_SHARED)
	@HEADRACE_SHARED=$${HEADRACE_SHARED:-../shared} .venv-airflow/bin/python -m pytest -m "not fault" tests/k8s $(ARGS)

faults: faults-jobs faults-s3 faults-airflow faults-k8s  ## run the tests that kill and break things, and the long ones

faults-jobs: setup
	@$(PYTHON) -m pytest -m "fault or long" $(ARGS)

faults-s3: setup
	@HEADRACE_SHARED=$${HEADRACE_SHARED:-../shared} $(PYTHON) -m pytest -m "fault or long" tests/s3 $(ARGS)

faults-airflow: setup .venv-airflow/ready
	@.venv-airflow/bin/python -m pytest -m "fault or long" tests/airflow $(ARGS)

faults-k8s: setup .venv-airflow/ready
	@HEADRACE_SHARED=$${HEADRACE_SHARED:-../shared} .venv-airflow/bin/python -m pytest -m fault tests/k8s $(ARGS)

bench: setup .venv-airflow/ready  ## measure, beside a peer (ONLY=P4 for one), into bench/results.json
	@$(PYTHON) -m bench $(ONLY)

# On a cluster -----------------------------------------------------------------------------------

deploy:  ## put an environment on kubectl's cluster (ENV=staging)
	@tools/deploy $(or $(ENV),$(error which environment? make deploy ENV=staging))

diff:  ## what `make deploy` would change there: exit 1 when something (ENV=staging)
	@tools/deploy --diff $(or $(ENV),$(error which environment? make diff ENV=staging))

image-mlflow:  ## build the image of MLflow's server (MLFLOW_IMAGE=registry/name:tag)
	@tools/image-mlflow $(or $(MLFLOW_IMAGE),docker.io/headrace/mlflow:3.17.2)

lint: setup  ## formatting, lint, the direction of imports, and plain English
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/lint-imports && $(PYTHON) tools/prose

types: setup .venv-airflow/ready  ## mypy, strict; what Airflow runs is checked against Airflow's environment
	@.venv/bin/mypy
	@.venv/bin/mypy --python-executable .venv-airflow/bin/python lib/headrace/orchestration/*.py

image: build/jars/.ready | $(UV)  ## build and try the image of jobs, with Docker or buildah (IMAGE=docker.io/headrace/jobs)
	@tools/image $(UV) $(HEADRACE_CACHE) $(or $(IMAGE),docker.io/headrace/jobs)

check: lint types  ## lint and types

# Set-up -----------------------------------------------------------------------------------------

setup: .venv/ready build/jars/.ready build/jars.jsa

.venv/ready: locks/dev.txt locks/horovod-build.txt tools/horovod-wheel setup.cfg | $(UV)
	@tools/prerequisites
	@echo "setting up the Python environment (the first time downloads about 1 GB)"
	@$(UV) venv --quiet --clear --python python3.11 .venv
	@$(UV) pip sync --quiet --require-hashes --compile-bytecode --python $(PYTHON) locks/dev.txt
	@echo "building the Horovod wheel (the first time takes some minutes)"
	@wheel=$$(tools/horovod-wheel $(UV) $(HEADRACE_CACHE)) && $(UV) pip install --quiet --no-deps --compile-bytecode --python $(PYTHON) "$$wheel"
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(PYTHON) --editable .
	@touch $@

.venv-airflow/ready: locks/airflow.txt setup.cfg | $(UV)
	@echo "setting up Airflow's own environment"
	@$(UV) venv --quiet --clear --python python3.11 .venv-airflow
	@$(UV) pip sync --quiet --require-hashes --compile-bytecode --python .venv-airflow/bin/python locks/airflow.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python .venv-airflow/bin/python --editable .
	@touch $@

build/jars/.ready: lib/jvm/pom.xml lib/jvm/jars.sha256 tools/jars $(shell find lib/jvm/src/main -type f)
	@tools/prerequisites
	@echo "resolving Spark's extra jars, and compiling our own"
	@mkdir -p build && jars=$$(tools/jars $(HEADRACE_CACHE)) && rm -rf build/jars && cp -r "$$jars" build/jars
	@touch $@

build/jars.jsa: .venv/ready build/jars/.ready tools/class-archive
	@echo "archiving the classes of Spark, which saves each job some 10 seconds"
	@$(PYTHON) tools/class-archive $@

$(UV):
	@tools/prerequisites
	@python3.11 -m venv $(HEADRACE_CACHE)/uv-$(UV_VERSION)
	@$(HEADRACE_CACHE)/uv-$(UV_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

lock: | $(UV)  ## resolve all versions anew, after a change of setup.cfg or the pom
	@$(UV) pip compile setup.cfg --extra jobs --extra s3 $(COMPILE) -o locks/jobs.txt
	@$(UV) pip compile setup.cfg --extra jobs --extra s3 --extra local --extra k8s --extra demo --extra dev -c locks/jobs.txt $(COMPILE) -o locks/dev.txt
	@$(UV) pip compile setup.cfg --extra airflow --extra airflow-dev $(COMPILE) -o locks/airflow.txt
	@$(UV) pip compile locks/horovod-build.in $(COMPILE) -o locks/horovod-build.txt
	@$(UV) pip compile locks/mlflow.in -c locks/dev.txt $(COMPILE) -o locks/mlflow.txt
	@tools/jars $(HEADRACE_CACHE) --lock

clean:  ## remove what the demo and the tests made; the caches stay
	@rm -rf build .venv .venv-airflow
