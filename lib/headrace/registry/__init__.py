"""The model registry: files below a root, on a disk or in a bucket.

`versions` registers trained models, `verdicts` keeps what the gate decided, and `promotions` says which version is
champion. `champions` finds the version that scores a day. `manifest` verifies files by digest, and `loading` loads a
verified version. `alias` copies the champion to MLflow's registry.
"""
