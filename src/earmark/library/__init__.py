"""A library of pieces, the front door: what is added to it, asked of it and heard by it, live or a shelf at once."""
