"""Weights and a split → recall, MRR, calibration and its reliability."""
