"""Land raw files: each once, checked, and with a record of where it came from."""
