"""Files at addresses on the web, beside IIIF manifests: scores, recordings and archives of them.

What is fetched is kept, under its own name, and not fetched again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from earmark.errors import NEITHER, BadInput, is_web_page
from earmark.files import replacing
from earmark.sheet.fetch import Download
from earmark.sheet.formats import UNREAD, kind, kind_of_name
from earmark.sheet.iiif import MANIFEST, is_address
from earmark.sources.archives import is_archive

MOST_BYTES = 300_000_000
SECONDS = 1800.0
_LONGEST_NAME = 100
_MANIFEST = re.compile(rb"(\xef\xbb\xbf)?\s*\{")
_A_PAGE = (
    "is a web page, not a file",
    "download the recording or the score itself first (from a video site with a program that does that), then give "
    "the file",
)


def fetched_file(url: str, folder: Path) -> Path | None:
    """The file at ``url``, in ``folder``; None for what seems to be a IIIF manifest.

    Raises BadInput for a web page, and as `Download.get` does; OSError when the file cannot be written.
    """
    path = folder / _name(url)
    if (folder / MANIFEST).exists() or path.suffix == ".json" or path.name == "manifest":
        return None
    if path.exists():
        return path
    content = Download(url, SECONDS).get(url, MOST_BYTES)
    if is_web_page(content):
        raise BadInput(url, *_A_PAGE)
    if _MANIFEST.match(content) and kind_of_name(path) is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content)
    if kind(path) is None and not is_archive(path):
        path.unlink()
        unread = UNREAD.get(path.suffix.lower(), (NEITHER, "give the address of a score or a recording"))
        raise BadInput(url, *unread)
    return path


@contextmanager
def at_hand(where: str | Path) -> Iterator[Path]:
    """The file at a path, or at an address while it is used; raises BadInput as `fetched_file` does."""
    if not is_address(where):
        yield Path(where).expanduser()
        return
    with TemporaryDirectory() as folder:
        path = fetched_file(str(where), Path(folder))
        if path is None:
            raise BadInput(where, "is no score and no recording", "give the address of one, or add the manifest")
        yield path


def _name(url: str) -> str:
    """What the file at an address is called here: as there, without what a file system may not like."""
    there = PurePosixPath(unquote(urlsplit(url).path)).name
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", there).strip(". ") or "file"
    stem, suffix = name[: -len(PurePosixPath(name).suffix) or None], PurePosixPath(name).suffix
    return stem[: _LONGEST_NAME - len(suffix)] + suffix[:_LONGEST_NAME]
