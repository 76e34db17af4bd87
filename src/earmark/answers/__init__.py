"""Embeddings and a store → what people are told: hits, stretches of a tape, followed pieces, what belongs together."""
