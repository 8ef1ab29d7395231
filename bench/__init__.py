"""Benchmarks. Each runs beside a peer that does the same work: ``python -m bench [ID ...]`` in the root folder."""
