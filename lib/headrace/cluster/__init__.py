"""A job as a SparkApplication of the Kubeflow Spark operator: written, owned, followed to its end, and explained."""
