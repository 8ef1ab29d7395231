"""Print the source files of what jobs import. A file: PySpark takes `python -c` for a doctest, and ends it."""

import importlib
import sys

JOBS = """boto3 delta deltalake great_expectations horovod.spark horovod.tensorflow keras lightgbm matplotlib.pyplot
mlflow pyarrow.dataset pyspark.daemon pyspark.ml.functions pyspark.worker scipy.stats sklearn.linear_model
sklearn.metrics tensorflow typer.rich_utils"""

for name in JOBS.split():
    importlib.import_module(name)
files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
print(*sorted(file for file in files if file.endswith(".py")), sep="\n")
