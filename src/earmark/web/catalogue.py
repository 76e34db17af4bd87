"""What the server itself does with the library: lists, removals, files in its folder; it decodes none of them.

Every method may be called in any thread; they take turns.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earmark.answers.links import links_of
from earmark.errors import BadInput
from earmark.library.history import History
from earmark.library.library import Library
from earmark.results.places import Kind, Place
from earmark.schema import Box, Page
from earmark.sheet.formats import kind_of_name
from earmark.sources.object_store import whole_content
from earmark.sources.on_disk import PageFile, Score, page_file, sha256
from earmark.store.names import Order, having, in_order, initial, natural
from earmark.store.store import DOWNLOADS, FETCHED, UNPACKED, UPLOADS, Bookmark, LibraryUnusable, Piece
from earmark.store.whole import Whole, put_whole, take_out
from earmark.web.added_files import AddedFiles
from earmark.web.errors import Refusal
from earmark.web.limits import Limits
from earmark.web.protocol import piece_json

MOST_RECORDINGS = 1000
_TURNED = {"recording": "score", "part": "whole"}
"""What the second piece of a link is to the first, where that is another word."""


@dataclass(frozen=True)
class _Undo:
    removed: Whole
    until: float
    held: list[Path]


class Catalogue:
    """An open library and its folder; ``added`` are the files that clients added."""

    def __init__(self, library: Library, folder: Path, limits: Limits) -> None:
        self._library, self._folder, self._limits = library, folder, limits
        self._lock = threading.RLock()
        self._undos: dict[str, _Undo] = {}
        self._contents: dict[tuple[PageFile | None, ...], str] = {}  # checksums of files in these states
        self.added = AddedFiles(library, folder, limits, self._lock)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._folder.resolve().name

    @property
    def history(self) -> History:
        """What was asked of the library."""
        return self._library.history

    def summary(self) -> dict[str, Any]:
        """Its name, model, and how many pieces of sheet music, pages and indexed recordings there are."""
        with self._lock:
            pieces = self._library.pieces()
            scores = [piece for piece in pieces if piece.kind == "score"]
            pages = sum(piece.pages for piece in scores)
            counts = {"pieces": len(scores), "pages": pages, "recordings": len(pieces) - len(scores)}
            return {"name": self.name, "model": self._library.store.model_id, **counts}

    def pieces(
        self,
        kind: Kind,
        search: str,
        tags: Iterable[str],
        order: Order,
        letter: str | None,
        only_missing: bool,
        offset: int,
        limit: int,
    ) -> dict[str, Any]:
        """The pieces of one kind that have all words of ``search`` and all ``tags``, and begin with ``letter``, an
        `initial`, if it is given, in order, with their number in all.

        ``initials`` are those of the pieces whatever the letter, ``all_tags`` those of all pieces of the kind.
        """
        with self._lock:
            listed = [piece for piece in self._library.pieces() if piece.kind == kind]
        found = in_order(having(listed, search, tags), order)
        if only_missing:
            with self._lock:
                found = [piece for piece in found if self._library.missing(piece)]
        initials = [] if order == "added" else list(dict.fromkeys(initial(piece, order) for piece in found))
        if letter is not None:
            found = [piece for piece in found if initial(piece, order) == letter]
        with self._lock:
            shown = [
                piece_json(piece) | {"is_missing": bool(self._library.missing(piece))}
                for piece in found[offset : offset + limit]
            ]
        all_tags = sorted({tag for piece in listed for tag in piece.tags}, key=natural)
        return {"total": len(found), "offset": offset, "pieces": shown, "initials": initials, "all_tags": all_tags}

    def thumbnail(self, piece: Piece) -> bytes | None:
        """A small PNG of its first page, if the library has one."""
        with self._lock:
            return self._library.store.thumbnail(piece.id)

    def edit(self, identifier: int, **values: Any) -> dict[str, Any]:
        """Sets what is given of a piece's ``values``, arguments of `Library.edit`.

        Raises Refusal, not_found or bad_request.
        """
        marks = values.pop("bookmarks", None)
        bookmarks = None if marks is None else [Bookmark(**one) for one in marks]
        with self._lock:
            try:
                return piece_json(self._library.edit(self.piece(identifier).name, bookmarks=bookmarks, **values))
            except LibraryUnusable:
                raise
            except BadInput as error:  # of the name
                raise Refusal("bad_request", f"the library {error.what}", error.remedy) from error

    def bookmarked(self, identifier: int) -> tuple[Piece, dict[tuple[int, int], Box]]:
        """A piece, and the boxes of its systems by page and number."""
        with self._lock:
            piece = self.piece(identifier)
            places = self._library.store.contents(identifier)[0] if piece.kind == "score" else ()
            return piece, _boxes(places)

    def piece(self, identifier: int) -> Piece:
        """Raises Refusal, not_found, if there is none."""
        with self._lock:
            try:
                return self._library.store.piece(identifier)
            except KeyError:
                raise Refusal("not_found", "there is no such piece in the library", "see what there is") from None

    def named(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The pieces of these names that there are, by name."""
        with self._lock:
            found = filter(None, map(self._library.store.named, names))
            return {piece.name: piece_json(piece) for piece in found}

    def details(self, identifier: int) -> dict[str, Any]:
        """A piece with its pages and systems; a recording has none."""
        with self._lock:
            piece = self.piece(identifier)
            places = self._library.store.contents(identifier)[0] if piece.kind == "score" else ()
            return piece_json(piece) | {"layout": _layout(self._library.store.pages(identifier), places)}

    @property
    def model_id(self) -> str | None:
        """The model that the library was made with; None while it is empty."""
        return self._library.store.model_id

    def links(self, identifier: int) -> dict[str, Any]:
        """What is known to belong to a piece, and how many pieces are still to be held against others."""
        with self._lock:
            self.piece(identifier)
            store = self._library.store
            found = []
            for link in sorted(links_of(store).links, key=lambda link: -link.confidence):
                if identifier not in (link.piece_id, link.other_id):
                    continue
                is_other = link.other_id == identifier
                there = store.piece(link.piece_id if is_other else link.other_id)
                relation = link.relation if is_other else _TURNED.get(link.relation, link.relation)
                told = {"confidence": link.confidence, "sure": link.sure, "heard_s": link.heard_s}
                found.append({"relation": relation, "piece": piece_json(there), **told})
            return {"links": found, "ahead": len(store.unlinked())}

    def located(self, name: str, page: int, system: int | None, measure: str | None) -> list[int]:
        """The identifier of the piece of this name, the page, and the system if it is given; with ``measure`` the page
        and system of the first one that has it.

        Raises Refusal, not_found, if there is none of them.
        """
        with self._lock:
            piece = self._library.store.named(name)
            if piece is None:
                raise Refusal("not_found", "there is no piece of this name in the library", "see what there is")
            if measure is not None and piece.kind == "score":
                places = self._library.store.contents(piece.id)[0]
                first = next((place for place in places if place.measure == measure), None)
                page, system = (first.page, first.system) if first else (0, None)
            if not 1 <= page <= max(1, piece.pages):
                raise Refusal("not_found", "the piece has no such page or measure", "give another, or none")
            return [piece.id, page, *([] if system is None else [system])]

    def files(self, piece: Piece) -> list[str]:
        """The files that a piece's pages, or its sound, are in, as they were added: here, or fetched.

        Raises Refusal, unusable_file, when they are not what was added: whoever made the library may have written the
        path of any file into it, but cannot know what is in the files of this machine.
        """
        with self._lock:
            files = self._library.store.files(piece)
        if all(_state(file.path) == file for file in files) or self._is_known(piece, files):
            return [file.path for file in files]
        try:
            return list(map(str, self._library.fetched(piece)))
        except BadInput as error:
            raise Refusal("unusable_file", f"the file of {piece.name} {error.what}", error.remedy) from error

    def _is_known(self, piece: Piece, files: tuple[PageFile, ...]) -> bool:
        """Whether files of other times, a copy's say, have the content that was added."""
        found = tuple(map(_state, (file.path for file in files)))
        if [file and file.size for file in found] != [file.size for file in files]:
            return False
        if found not in self._contents:
            self._contents[found] = sha256(Score(piece.name, piece.source, files))
        return self._contents[found] == whole_content(piece.sha256)

    def remove(self, identifier: int) -> dict[str, Any]:
        """Takes a piece out and says how to bring it back; until then its files stay."""
        with self._lock:
            piece = self.piece(identifier)
            key, until = secrets.token_urlsafe(16), time.monotonic() + self._limits.undo_s
            held = self.added.hold(piece)
            try:
                self._undos[key] = _Undo(take_out(self._library.store, piece), until, held)
            except BaseException:
                self._release(held)
                raise
            self._forget_removed()
            return {"removal": key, "name": piece.name, "undo_until_s": self._limits.undo_s}

    def undo(self, key: str) -> dict[str, Any]:
        """Brings a removed piece back; raises Refusal, not_found, when it is too late."""
        with self._lock:
            self._forget_removed()
            if key not in self._undos:
                raise Refusal("not_found", "this cannot be undone any more", "add the music again")
            back = piece_json(put_whole(self._library.store, self._undos[key].removed))
            self._release(self._undos.pop(key).held)
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

    def close(self) -> None:
        """Ends the use of the library; what was removed cannot be brought back any more."""
        with self._lock:
            for undo in self._undos.values():
                self._release(undo.held)
            self._undos.clear()
            self._library.close()

    def tidy(self) -> None:
        """Forgets what cannot be brought back any more, and lets its files go; call it now and then."""
        with self._lock:
            self._forget_removed()
            self.added.tidy()

    def _forget_removed(self) -> None:
        now = time.monotonic()
        kept = [key for key, undo in self._undos.items() if undo.until > now][-self._limits.undos :]
        for key in self._undos.keys() - set(kept):
            self._release(self._undos.pop(key).held)

    def _release(self, held: Iterable[Path]) -> None:
        for path in held:
            self.added.release(path)

    def _recordings(self) -> Iterator[Path]:
        """Files whose ending is a recording's, at most `MOST_RECORDINGS`; hidden ones, links and what the library
        itself keeps are left out."""
        found = 0
        for folder, folders, files in os.walk(self._folder):
            own = (UPLOADS, DOWNLOADS, UNPACKED, FETCHED) if Path(folder) == self._folder else ()
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in own)
            for name in sorted(files):
                path = Path(folder, name)
                if kind_of_name(path) == "recording" and not name.startswith(".") and not path.is_symlink():
                    yield path
                    found += 1
                    if found == MOST_RECORDINGS:
                        return


def _state(path: str) -> PageFile | None:
    """A file as it is now; None if there is none."""
    try:
        return page_file(Path(path)) if os.path.isfile(path) else None
    except (OSError, BadInput):
        return None


def _boxes(places: Iterable[Place]) -> dict[tuple[int, int], Box]:
    """The box of each system, by page and number."""
    boxes: dict[tuple[int, int], Box] = {}
    for place in places:
        x0, y0, x1, y1 = boxes.get((place.page, place.system), place.box)
        a0, b0, a1, b1 = place.box
        boxes[place.page, place.system] = (min(x0, a0), min(y0, b0), max(x1, a1), max(y1, b1))
    return boxes


def _layout(pages: Iterable[Page], places: Iterable[Place]) -> list[dict[str, Any]]:
    """Every page with the boxes of its systems, each box around all its places'."""
    systems: dict[int, list[dict[str, Any]]] = {}
    for (page, system), box in sorted(_boxes(places).items()):
        systems.setdefault(page, []).append({"number": system, "box": list(box)})
    return [
        {
            "number": page.number,
            "width_px": page.width_px,
            "height_px": page.height_px,
            "image": page.image,
            "side": page.side,
            "systems": systems.get(page.number, []),
        }
        for page in pages
    ]
