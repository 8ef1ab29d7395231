"""The parts of `tools/prose`: where prose stands in a file, and the rules that it must follow."""
