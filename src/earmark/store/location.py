"""Where a library is, a folder of this machine or an address elsewhere, and the engine that holds it there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from earmark.errors import BadInput
from earmark.store.embedded import EmbeddedStore
from earmark.store.store import Store


def is_remote(where: str | Path) -> bool:
    """Whether that is a library's address rather than a folder."""
    return "://" in str(where)


def folder_of(where: str | Path, verb: str) -> Path:
    """The folder that a library is; raises BadInput when it is elsewhere, where ``verb`` cannot be done."""
    if is_remote(where):
        raise BadInput(where, f"is no folder, and only one can be {verb}", "use your server's own tools")
    return Path(where).expanduser()


def kept_in(where: str | Path) -> Path:
    """The folder of this machine for files that are fetched or unpacked for a library, absolute: the library itself, or
    for one elsewhere a folder of the user's data. Others who use that library do not see these files."""
    if not is_remote(where):
        return Path(where).absolute()
    parts = urlsplit(str(where))
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "earmark")
    name = f"{parts.hostname}{parts.path.replace('/', '-')}"
    return data.absolute() / f"{name}-{hashlib.sha256(str(where).encode()).hexdigest()[:8]}"


def open_store(where: str | Path, create: bool) -> Store:
    """The store at ``where``: a folder, or a library's address in Milvus.

    Raises LibraryUnusable when ``where`` is no library and ``create`` is False, and when it is something
    else; BadInput when it is no such address.
    """
    if is_remote(where):
        from earmark.store.milvus import MilvusStore
        from earmark.store.milvus_client import Address

        return MilvusStore(Address.of(str(where)), create)
    return EmbeddedStore(Path(where), create)
