"""Encode a table's columns as the arrays that a network takes.

An `encoder.Encoder` is fitted once on the training days and stored with the model. Training and scoring apply the same
encoder. `fitted` encodes single columns. `statistics` and `words` read from a frame what an encoder is fitted to.
`vocabulary` keeps the many values of one column in a file, where `hashing` finds them.
"""
