"""From files to page images to systems to strips."""
