"""Pure functions from DataFrames to DataFrames; what each reads and returns is declared in ``flights``."""
