"""Run jobs as SparkApplications of the Kubeflow Spark operator: create, follow, diagnose and delete them."""
