"""Jobs on this machine: spark-submit, supervised so that no process outlives its job."""
