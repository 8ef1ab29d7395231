"""Headrace: from raw files to a Delta lake, trained models and scored tables."""
