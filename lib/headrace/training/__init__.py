"""From a training frame to a fitted network: shards on disk, ranks that train on them, and a record of how it went."""
