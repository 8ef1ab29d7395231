"""Encode a table's columns as the arrays that a network takes.

An `encoder.Encoder` is fitted once on the training days and stored with the model. Training and scoring apply the same
encoder. `fitted` encodes single columns. `statistics` reads from a frame what an encoder is fitted to.
"""
