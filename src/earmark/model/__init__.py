"""The encoders, how they are loaded, and how sure a search with them may be."""
