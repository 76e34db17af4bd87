"""From LilyPond sources to an aligned corpus on disk."""
