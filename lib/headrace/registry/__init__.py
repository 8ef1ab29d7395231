"""Versions of a model on disk, verdicts about them, who is champion, and loading them verified."""
