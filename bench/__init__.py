"""Benchmarks, each beside a peer that does the same work; run with ``python -m bench [ID ...]`` in the root folder."""
