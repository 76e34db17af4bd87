"""What the server itself does with the library: lists, removals, files in its folder; it decodes none of them.

Every method may be called in any thread; they take turns.
"""

from __future__ import annotations

import filecmp
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.files import make_folder, move
from earmark.library.library import Library
from earmark.library.sources import whole_file
from earmark.library.store import UPLOADS, Piece
from earmark.library.undo import Removed, put_back, take_out
from earmark.results import Kind, Place
from earmark.schema import Page
from earmark.sheet.formats import kind_of_name
from earmark.web.errors import Refusal
from earmark.web.limits import Limits
from earmark.web.protocol import piece_json
from earmark.web.uploads import file_stem, score_suffix

"""The folder in the library's where added files stay."""
MOST_RECORDINGS = 1000


@dataclass(frozen=True)
class _Undo:
    removed: Removed
    until: float


class Catalogue:
    """An open library and its folder."""

    def __init__(self, library: Library, folder: Path, limits: Limits) -> None:
        self._library, self._folder, self._limits = library, folder, limits
        self._lock = threading.RLock()
        self._undos: dict[str, _Undo] = {}
        self._awaited: Counter[Path] = Counter()
        self._new: set[Path] = set()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._folder.resolve().name

    def summary(self) -> dict[str, Any]:
        """Its name, model, and how many pieces of sheet music, pages and indexed recordings there are."""
        with self._lock:
            pieces = self._library.pieces()
            scores = [piece for piece in pieces if piece.kind == "score"]
            pages = sum(piece.pages for piece in scores)
            counts = {"pieces": len(scores), "pages": pages, "recordings": len(pieces) - len(scores)}
            return {"name": self.name, "model": self._library.store.model_id, **counts}

    def pieces(self, kind: Kind, search: str, offset: int, limit: int) -> dict[str, Any]:
        """The pieces of one kind that have all words of ``search``, by name, with their number in all."""
        words = search.casefold().split()
        with self._lock:
            listed = [piece_json(piece) for piece in self._library.pieces() if piece.kind == kind]
        found = [one for one in listed if all(word in _searched(one) for word in words)]
        return {"total": len(found), "offset": offset, "pieces": found[offset : offset + limit]}

    def piece(self, identifier: int) -> Piece:
        """Raises Refusal, not_found, if there is none."""
        with self._lock:
            for piece in self._library.pieces():
                if piece.id == identifier:
                    return piece
        raise Refusal("not_found", "there is no such piece in the library", "see what there is")

    def details(self, identifier: int) -> dict[str, Any]:
        """A piece with its pages and systems; a recording has none."""
        with self._lock:
            piece = self.piece(identifier)
            places = self._library.store.contents(identifier)[0] if piece.kind == "score" else ()
            return piece_json(piece) | {"layout": _layout(self._library.store.pages(identifier), places)}

    def files(self, piece: Piece) -> list[str]:
        """The files that a piece's pages, or its sound, are in."""
        with self._lock:
            return [file.path for file in self._library.store.files(piece)]

    def remove(self, identifier: int) -> dict[str, Any]:
        """Takes a piece out and says how to bring it back."""
        with self._lock:
            piece = self.piece(identifier)
            self._forget_removed()
            key, until = secrets.token_urlsafe(16), time.monotonic() + self._limits.undo_s
            self._undos[key] = _Undo(take_out(self._library.store, piece), until)
            return {"removal": key, "name": piece.name, "undo_until_s": self._limits.undo_s}

    def undo(self, key: str) -> dict[str, Any]:
        """Brings a removed piece back; raises Refusal, not_found, when it is too late."""
        with self._lock:
            self._forget_removed()
            if key not in self._undos:
                raise Refusal("not_found", "this cannot be undone any more", "add the music again")
            back = piece_json(put_back(self._library.store, self._undos[key].removed))
            del self._undos[key]
            return back

    def recordings(self) -> list[dict[str, Any]]:
        """The recordings in the library's folder, by name."""
        found = [
            {"name": path.relative_to(self._folder).as_posix(), "bytes": path.stat().st_size}
            for path in self._recordings()
        ]
        return sorted(found, key=lambda one: str(one["name"]))

    def recording(self, name: str) -> Path:
        """The path of the listed recording of this name; raises Refusal, not_found, if none is listed so."""
        for path in self._recordings():
            if path.relative_to(self._folder).as_posix() == name:
                return path
        raise Refusal("not_found", "there is no such recording in the library's folder", "see what there is")

    def keep(self, name: str, upload: Path) -> Path:
        """Moves an uploaded score to where it stays while it is added, named in the likeness of ``name``.

        Call `release` when it has been added or has not. A file of that name and content is left as it is. Raises
        Refusal for a name whose ending is no score's.
        """
        suffix = score_suffix(name)
        if not suffix:
            raise Refusal(
                "unusable_file", f"{name} is no sheet music", "give a PDF, an image, MusicXML, MEI, **kern or ABC"
            )
        stem = file_stem(name)
        with self._lock:
            folder = self._folder / UPLOADS
            make_folder(folder)
            path, number = folder / f"{stem}{suffix}", 1
            while path.exists():
                if filecmp.cmp(path, upload, shallow=False):
                    self._awaited[path] += 1
                    return path
                number += 1
                path = folder / f"{stem} ({number}){suffix}"
            move(upload, path)  # on disk before a piece is of it
            self._awaited[path] += 1
            self._new.add(path)
            return path

    def release(self, path: Path) -> None:
        """Ends what `keep` began: the file goes if it came with an addition, none awaits it, and no piece is of it.

        Whether it was added says the library alone: a worker may be lost after it has added a piece, before it says so.
        """
        with self._lock:
            self._awaited[path] -= 1
            if self._awaited[path]:
                return
            del self._awaited[path]
            if path in self._new:
                self._new.remove(path)
                if not self._is_used(path):
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Ends the use of the library."""
        with self._lock:
            self._library.close()

    def _is_used(self, path: Path) -> bool:
        """Whether a piece is read from this file, or one that was and may be brought back."""
        own = os.path.abspath(path)
        pieces = [piece for piece in self._library.pieces() if whole_file(piece.source) in (own, os.path.dirname(own))]
        files = [self._library.store.files(piece) for piece in pieces]
        files += [undo.removed.score.files for undo in self._undos.values()]
        return any(file.path == own for some in files for file in some)

    def _forget_removed(self) -> None:
        now = time.monotonic()
        kept = [(key, undo) for key, undo in self._undos.items() if undo.until > now]
        self._undos = dict(kept[-self._limits.undos :])

    def _recordings(self) -> Iterator[Path]:
        """Files whose ending is a recording's, hidden ones and links left out, at most `MOST_RECORDINGS`."""
        found = 0
        for folder, folders, files in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                path = Path(folder, name)
                if kind_of_name(path) == "recording" and not name.startswith(".") and not path.is_symlink():
                    yield path
                    found += 1
                    if found == MOST_RECORDINGS:
                        return


def _searched(one: dict[str, Any]) -> str:
    return " ".join(str(one[key] or "") for key in ("name", "title", "composer")).casefold()


def _layout(pages: Iterable[Page], places: Iterable[Place]) -> list[dict[str, Any]]:
    """Every page with the boxes of its systems, each box around all its places'."""
    boxes: dict[tuple[int, int], tuple[float, float, float, float]] = {}
    for place in places:
        x0, y0, x1, y1 = boxes.get((place.page, place.system), place.box)
        a0, b0, a1, b1 = place.box
        boxes[place.page, place.system] = (min(x0, a0), min(y0, b0), max(x1, a1), max(y1, b1))
    systems: dict[int, list[dict[str, Any]]] = {}
    for (page, system), box in sorted(boxes.items()):
        systems.setdefault(page, []).append({"number": system, "box": list(box)})
    return [
        {
            "number": page.number,
            "width_px": page.width_px,
            "height_px": page.height_px,
            "systems": systems.get(page.number, []),
        }
        for page in pages
    ]
