"""Answers → files that people and other programs read: tables, annotations, charts, an HTML report."""
