"""Check that the image can do its work; tools/image runs this file inside it, with spark-submit.

It fails if a trimmed library is needed, if something writes outside /tmp, or if the user is wrong.
"""

from __future__ import annotations

import getpass
import importlib
import os
import subprocess
from importlib import metadata
from pathlib import Path

LIBRARIES = """tensorflow keras horovod.tensorflow horovod.spark pyspark.ml.functions delta deltalake great_expectations
lightgbm mlflow boto3 sklearn scipy.stats matplotlib.pyplot pandas pyarrow.dataset headrace.cli flights.network"""


def user() -> None:
    assert (os.getuid(), os.getgid(), getpass.getuser()) == (185, 0, "spark")
    assert os.environ["HOME"] == "/tmp"
    for folder in ("/opt/headrace", "/opt/venv", "/opt/spark/jars", "/opt/spark/conf"):
        assert os.access(folder, os.R_OK | os.X_OK), folder
        assert not os.access(folder, os.W_OK), folder


def libraries() -> None:
    for name in LIBRARIES.split():
        importlib.import_module(name)
    installed = {package.metadata["Name"].lower() for package in metadata.distributions()}
    assert "mlflow-skinny" in installed
    assert not installed & {"mlflow", "pytest", "apache-airflow", "kubernetes"}


def keras_fits() -> None:
    import keras
    import numpy as np

    keras.utils.set_random_seed(1)
    x = np.random.default_rng(1).normal(size=(4096, 8)).astype("float32")
    y = (x.sum(axis=1) > 0).astype("float32")
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.AdamW(0.01), "binary_crossentropy", metrics=["AUC"])
    history = model.fit(x, y, batch_size=256, epochs=3, verbose=0).history
    assert history["AUC"][-1] > max(0.9, history["AUC"][0])
    model.save("/tmp/smoke.keras")
    again = keras.models.load_model("/tmp/smoke.keras")
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def horovod_starts() -> None:
    import horovod.tensorflow as hvd
    import tensorflow as tf

    hvd.init()
    assert hvd.size() == 1
    assert hvd.allreduce(tf.constant([2.0])).numpy() == 2.0
    hvd.shutdown()


def others_work() -> None:
    import lightgbm
    import matplotlib.pyplot as plt
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    x = np.random.default_rng(1).normal(size=(2000, 4))
    y = x[:, 0] > 0
    assert lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(x, y).score(x, y) > 0.9
    assert LogisticRegression().fit(x, y).score(x, y) > 0.9
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    figure.savefig("/tmp/smoke.svg")
    figure.savefig("/tmp/smoke.png")


def delta_and_python_workers() -> None:
    import great_expectations as gx
    from deltalake import DeltaTable
    from headrace import config
    from headrace.session import spark_session
    from pyspark.sql import functions as F

    spark = spark_session(config.load("local"), "smoke")
    spark.range(100).selectExpr("id", "id % 3 as kind").write.format("delta").save("/tmp/smoke.delta")
    frame = spark.read.format("delta").load("/tmp/smoke.delta")
    doubled = frame.mapInPandas(lambda parts: (part.assign(id=part.id * 2) for part in parts), frame.schema)
    assert doubled.agg(F.sum("id")).collect()[0][0] == 9900
    assert DeltaTable("/tmp/smoke.delta").to_pyarrow_table().num_rows == 100
    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_spark("s").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    suite = gx.ExpectationSuite(
        "s", [gx.expectations.ExpectColumnValuesToBeBetween(column="id", min_value=0, max_value=98)]
    )
    result = batch.get_batch({"dataframe": frame}).validate(suite)
    assert not result.success
    assert result.results[0].result["unexpected_count"] == 1
    spark.stop()


def command_works() -> None:
    subprocess.run(["headrace", "check", "flights"], check=True)
    from headrace.stages import train

    assert len(train._commit()) >= 40, "the image does not know its commit"


def main() -> None:
    for check in (user, libraries, keras_fits, horovod_starts, others_work, delta_and_python_workers, command_works):
        check()
        print(f"smoke: {check.__name__}", flush=True)
    # The exit code alone is not enough: a library could end Python with 0 while it is imported.
    Path("/tmp/smoke.passed").touch()


if __name__ == "__main__":
    main()
