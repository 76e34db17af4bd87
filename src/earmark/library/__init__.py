"""A library of pieces: what is added to it, how it is stored, asked and listened to."""
