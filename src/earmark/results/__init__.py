"""What searches, questions and alignments answer, with their units.

Times are seconds; boxes ``(x0, y0, x1, y1)`` are in fractions of a page's width and height; pages and systems count
from 1.
"""
