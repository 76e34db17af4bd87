"""Sheet music: any file → page images → systems → strips."""
