"""Neighbours of many excerpts → ranked pieces and places, and the way through a piece. Pure functions of arrays."""
