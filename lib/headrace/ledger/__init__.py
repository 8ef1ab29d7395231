"""What each run of a stage took: one row a run, from which sizes can be learned."""
