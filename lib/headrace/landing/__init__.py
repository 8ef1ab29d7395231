"""Raw files in: each once, checked, and with a record of where it came from."""
