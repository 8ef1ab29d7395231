"""Inputs fitted once on the training days, stored with the model, applied alike in training and scoring."""
