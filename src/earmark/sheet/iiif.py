"""A IIIF Presentation manifest (`earmark.sheet.manifest`) → its page images and recordings in a folder.

`earmark.sheet.fetch` says what is fetched from where, and how politely. Resumable: a file that is there already is
not fetched again, and one appears whole or not at all. Where a server has no image for a page, an empty file stands for
it, and it is asked for again next time. The folder also keeps ``manifest.json``, from which `kept_manifest` tells what
the pages are called on the web.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from earmark.errors import BadInput, is_web_page
from earmark.files import replacing
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet.fetch import LOGIN_REMEDY, Download, Refused
from earmark.sheet.formats import kind_of_name
from earmark.sheet.manifest import Collection, Manifest, Recording, read_file

SECONDS, SECONDS_A_PAGE, SECONDS_A_RECORDING = 600.0, 30.0, 600.0
"""What a download may take in all."""
MAX_BYTES = 10_000_000_000
MAX_MANIFEST_BYTES = 30_000_000
MAX_IMAGE_BYTES = 60_000_000
MAX_RECORDING_BYTES = 300_000_000
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Fetched:
    """What a manifest led to: its pages and recordings, on disk in order, and what is ``missing``, a clause each."""

    manifest: Manifest
    pages: tuple[Path, ...]
    recordings: tuple[tuple[Recording, Path], ...]
    missing: tuple[str, ...]


def is_address(where: str | Path) -> bool:
    """Whether this is a web address and not a path."""
    return str(where).startswith(("http://", "https://"))


def download(
    url: str,
    folder: Path,
    sandbox: Sandbox,
    report: Callable[[int, int], None] = lambda done, total: None,
    given: str | None = None,
) -> Fetched | Collection:
    """Fetches the manifest at ``url``, its images and recordings into ``folder``; a collection's members are not
    fetched. The document is read in ``sandbox``.

    ``report`` is told how many of the pages are there. ``given`` is the address that a person gave and vouches for,
    ``url`` if None: if it is one of this machine or network, others of the same may be fetched from. What a server
    refuses is missing. Raises BadInput for what is no manifest, when all is missing, and when the server cannot be
    reached, is too slow, or sends more than the limits above; what was fetched stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    web = Download(given or url, SECONDS)
    with replacing(folder / MANIFEST) as file:
        file.write(web.get(url, MAX_MANIFEST_BYTES))
        file.flush()
        found = _read(Path(file.name), url, sandbox)
    if isinstance(found, Collection):
        return found
    web.extend(SECONDS_A_PAGE * len(found.canvases) + SECONDS_A_RECORDING * len(found.recordings))
    wanted = [(f"page {n}", canvas.images, MAX_IMAGE_BYTES) for n, canvas in enumerate(found.canvases, start=1)]
    wanted += [(f"recording {n}", (one.address,), MAX_RECORDING_BYTES) for n, one in enumerate(found.recordings, 1)]
    paths: list[Path] = []
    missing: list[Refused] = []
    said: list[str] = []
    size = 0
    for done, (name, addresses, most) in enumerate(wanted, start=1):
        path = folder / _file_name(name, addresses)
        if not path.exists() or not path.stat().st_size:
            try:
                data = _fetch_first(web, addresses, most)
            except Refused as error:
                missing.append(error)
                said.append(f"{name} is missing ({error.what}; {error.remedy})")
                data = b""
            if data or not path.exists():
                with replacing(path) as file:
                    file.write(data)
        paths.append(path)
        size += path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput(url, f"has more than {MAX_BYTES // 10**9} GB of files", "add what was fetched as files")
        report(done, len(wanted))
    if len(missing) == len(wanted):
        raise missing[0]
    pages = len(found.canvases)
    heard = [(one, path) for one, path in zip(found.recordings, paths[pages:], strict=True) if path.stat().st_size]
    return Fetched(found, tuple(paths[:pages]), tuple(heard), tuple(said))


def kept_manifest(folder: Path, sandbox: Sandbox) -> Manifest | None:
    """The manifest of a folder that `download` filled; None for other folders."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        found = _read(path, str(folder), sandbox)
    except BadInput:
        return None
    return found if isinstance(found, Manifest) else None


def _read(path: Path, name: str, sandbox: Sandbox) -> Manifest | Collection:
    """What the document in a file says; it came from outside, so it is read in ``sandbox``."""
    try:
        manifest, collection = sandbox.call(read_file, path, name)
    except BadInput as error:
        raise BadInput(name, error.what, error.remedy) from error
    found = manifest or collection
    if found is None:
        raise BadInput(name, "is no IIIF manifest", "give the address of one")
    return found


def _file_name(name: str, addresses: Sequence[str]) -> str:
    """What a page or a recording is called on disk."""
    kind, _, number = name.partition(" ")
    digest = hashlib.sha256("\n".join(addresses).encode()).hexdigest()[:12]
    ending = PurePosixPath(urlsplit(addresses[-1]).path).suffix if kind == "recording" else ".jpg"
    return f"{kind}-{int(number):04}-{digest}{ending if kind_of_name(f'a{ending}') else ''}"


def _fetch_first(web: Download, addresses: Sequence[str], most: int) -> bytes:
    """The file at the first address that the server answers; a service may refuse a size."""
    for address in addresses[:-1]:
        with suppress(Refused):
            return _no_page(address, web.get(address, most))
    return _no_page(addresses[-1], web.get(addresses[-1], most))


def _no_page(address: str, content: bytes) -> bytes:
    """The content; raises Refused when it is a web page, as those to log in are."""
    if is_web_page(content):
        raise Refused(address, "is a web page, perhaps to log in", LOGIN_REMEDY)
    return content
