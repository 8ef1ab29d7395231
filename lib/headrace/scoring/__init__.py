"""Scores of many rows on Spark.

`prediction` loads predictors once a worker process and applies them to a frame. `batch` scores a table with one
registered version, and adds to each row which version and features its score comes from.
"""
