"""Recordings: file → mono samples → log spectrogram; MIDI files played; noise."""
