"""Earmark: hear a recording, find the page of sheet music it is played from."""

__version__ = "0.1.0"
