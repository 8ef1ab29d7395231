"""Scores of a range of days, each row stamped with the model version that made it."""
