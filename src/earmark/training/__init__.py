"""Training and evaluation of the encoders on a corpus on disk."""
