"""What is at paths and addresses: which files are one piece, how they are unpacked, fetched, read and encoded."""
