"""What a job needs. Today: the ledger of what each run took, from which sizes are learned."""
