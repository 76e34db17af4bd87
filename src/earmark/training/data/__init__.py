"""A corpus → augmented batches of pairs."""
