"""Train a network on ranks.

`shards` writes a training frame as encoded files, `interval` and `batches` read a rank's share of them. `launcher`
starts the ranks, `fit` and `loop` are what they run. `progress` and `tracking` record the epochs.
"""
