"""Digests of Python code: what it does counts, and not how it is written down. None of the code is imported."""
