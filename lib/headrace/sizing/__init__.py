"""What a job is given: today the size that the configuration declares for its stage."""
