"""Files of pieces where machines that have not got them can fetch them: in an object store, named by their content.

``EARMARK_FILES`` says where: any address that fsspec knows (``s3://bucket/scores``), or a folder of a network disk.
What a piece was read from is there as ``CONTENT/1.pdf`` and so on, with its checksum for ``CONTENT``. Nothing there is
ever changed or removed: other libraries may have pieces of the same content.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from earmark.errors import BadInput
from earmark.files import replacing
from earmark.sources.on_disk import PageFile, Score, page_file, sha256

FILES = "EARMARK_FILES"
"""Environment variable: where files of pieces are kept for other machines, if they are."""
LONGEST_SUFFIX = 10


@dataclass(frozen=True)
class ObjectStore:
    """Files of pieces at an address. Its methods raise BadInput when it cannot be used."""

    address: str

    @classmethod
    def given(cls) -> ObjectStore | None:
        """The one that the environment names, if it does."""
        address = os.environ.get(FILES, "").rstrip("/")
        return cls(address) if address else None

    def put(self, content: str, files: Sequence[PageFile]) -> None:
        """Puts the files of a piece of this content there, as far as they are not."""
        with self._opened() as (system, root):
            for name, file in _named(content, files):
                path, size = f"{root}/{name}", None
                with suppress(FileNotFoundError):
                    size = system.size(path)
                if size != file.size:
                    system.put_file(file.path, path)

    def fetch(self, content: str, files: Sequence[PageFile], folder: Path) -> list[Path]:
        """The files of a piece of this content, in ``folder``, where they are kept.

        Raises BadInput also when they are not there, or of other content.
        """
        named = {name: folder / name for name, _ in _named(content, files)}
        paths = list(named.values())
        if all(path.is_file() for path in paths):
            return paths
        with self._opened() as (system, root):
            for name, path in named.items():
                if not system.exists(f"{root}/{name}"):
                    raise BadInput(f"{self.address}/{name}", "is not there", "add the piece again where its file is")
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as file:
                    system.get_file(f"{root}/{name}", file.name)
        if sha256(Score("", "", tuple(map(page_file, paths)))) != whole_content(content):
            for path in paths:
                path.unlink()
            raise BadInput(f"{self.address}/{whole_content(content)}", "is not what was added", "remove it there")
        return paths

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """The file system, and the path of the address in it."""
        try:
            from fsspec.core import url_to_fs

            is_folder = "://" not in self.address
            yield url_to_fs(self.address, **({"auto_mkdir": True} if is_folder else {}))
        except ImportError as error:
            remedy = "install what it takes: pip install 'earmark[s3]', for others than S3 the package fsspec names"
            raise BadInput(self.address, f"cannot be used ({error})", remedy) from error
        except BadInput:
            raise
        except Exception as error:  # of whichever package speaks to it
            told = " ".join(str(error).split())[:160] or type(error).__name__
            raise BadInput(self.address, f"cannot be used ({told})", f"check {FILES} and your rights there") from error


def whole_content(content: str) -> str:
    """The checksum of the files of a piece; a part of a file has its pages behind that."""
    return content.partition("#")[0]


def _named(content: str, files: Sequence[PageFile]) -> list[tuple[str, PageFile]]:
    """The names of a piece's files in an object store.

    Raises BadInput for what is no checksum: anybody may have made the library, and would name any file.
    """
    whole = whole_content(content)
    if not re.fullmatch("[0-9a-f]{64}", whole):
        raise BadInput(whole, "is no checksum of files", "add the piece again")
    return [
        (f"{whole}/{number}{PurePath(file.path).suffix.lower()[:LONGEST_SUFFIX]}", file)
        for number, file in enumerate(files, start=1)
    ]
