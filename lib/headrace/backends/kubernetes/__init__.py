"""Jobs as SparkApplications of the Kubeflow Spark operator: written, owned, followed to their end, and diagnosed."""
