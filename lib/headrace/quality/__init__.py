"""Checks before rows are published: they quarantine rows with the reason, or refuse the batch."""
