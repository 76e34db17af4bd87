"""A page image → its systems of staves, from the pixels alone."""
