"""Headrace's tests. ``tests.support`` holds what they share: no test imports another test, nor a conftest."""
