"""Where a library is kept: what any engine provides, the one on this machine, the one on a Milvus server, upkeep."""
