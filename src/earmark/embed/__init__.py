"""Files → embeddings with their places or times."""
