"""What a challenger is worth beside the champion and the baselines, and whether it may become champion."""
