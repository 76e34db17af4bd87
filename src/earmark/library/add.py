"""Sheet music and recordings, on disk or on the web → pieces in a store, each whole or not at all.

What is there already is not read again: a file is known by its path, size and time, else by its content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from earmark.embed.piece import embed_piece
from earmark.embed.recording import embed_recording
from earmark.errors import BadInput, reading
from earmark.library.sources import (
    Score,
    are_all_parts,
    can_hold_parts,
    find_scores,
    page_file,
    part_source,
    sha256,
    whole_file,
)
from earmark.library.store import LibraryUnusable, Piece, Store
from earmark.model.encoders import Model
from earmark.sheet.formats import kind
from earmark.sheet.iiif import download, is_address, kept_manifest
from earmark.sheet.parts import find_parts

Found = Score | BadInput | str
"""A score on disk, what cannot be one, or the address of one on the web."""

Status = Literal["added", "unchanged", "replaced", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one source (absolute path or address): ``piece`` is None and ``reason`` says why if it failed.

    ``remarks`` say what of a piece is not read, a clause each.
    """

    source: str
    status: Status
    piece: Piece | None = None
    reason: str = ""
    remarks: tuple[str, ...] = ()


def find_sources(given: Iterable[str | Path]) -> Iterator[Found]:
    """All sources at paths and addresses, in order; see `earmark.library.sources`."""
    for where in given:
        if is_address(where):
            yield str(where)
        else:
            yield from find_scores([Path(where).expanduser()])


@dataclass(frozen=True)
class Adding:
    """Reads sources with ``model`` into ``store``.

    ``downloads`` is the folder for what comes from the web; with ``split``, a file of several titles is as many pieces.
    """

    store: Store
    model: Model
    downloads: Path
    split: bool

    def outcomes(self, found: Found) -> Iterator[Outcome]:
        """What becomes of one source, piece by piece: failed, whatever is wrong with it.

        Raises LibraryUnusable when the store takes nothing more.
        """
        source = found if isinstance(found, str) else found.source if isinstance(found, Score) else found.path
        try:
            with reading(source):
                if isinstance(found, BadInput):
                    raise found
                score = self._fetched(found) if isinstance(found, str) else found
                if self.split and can_hold_parts(score):
                    yield from self._add_parts(score)
                else:
                    yield self._add(score)
        except LibraryUnusable:  # a full disk, say: nothing more can be added
            raise
        except BadInput as error:
            yield _failed(error, source)

    def _fetched(self, url: str) -> Score:
        """The pages of a IIIF manifest, which are kept."""
        folder = self.downloads / hashlib.sha256(url.encode()).hexdigest()[:16]
        try:
            files = tuple(map(page_file, download(url, folder)))
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            raise LibraryUnusable(folder, what, "make room or give yourself permission") from error
        manifest = kept_manifest(folder)
        label = manifest.label if manifest else ""
        return Score(label or url, url, files, title=label)

    def _add(self, score: Score) -> Outcome:
        """One score; raises BadInput when its files cannot be used, its LibraryUnusable when the store
        cannot."""
        before = self.store.with_source(score.source)
        if before and self.store.files(before) == score.files:
            return Outcome(score.source, "unchanged", before)
        content = sha256(score)
        twin = None if before else self.store.with_content(content)
        if twin and all(Path(file.path).exists() for file in self.store.files(twin)):
            return Outcome(score.source, "unchanged", twin)
        same = before if before and before.sha256 == content else twin  # touched, or moved
        if same:
            try:
                return Outcome(score.source, "unchanged", self.store.relocate(same, score))
            except KeyError:  # another process has removed it meanwhile
                before = None
        status: Status = "replaced" if before else "added"
        piece, remarks = self._put(score, content)
        return Outcome(score.source, status, piece, remarks=remarks)

    def _add_parts(self, score: Score) -> Iterator[Outcome]:
        """The pieces of one file, each for itself; in place of what the file was before."""
        before = [piece for piece in self.store.pieces() if whole_file(piece.source) == score.source]
        parts = [piece for piece in before if self.store.files(piece) == score.files]
        if are_all_parts(score, [piece.source for piece in parts]):
            yield from (Outcome(piece.source, "unchanged", piece) for piece in parts)
            return
        content = sha256(score)
        found = find_parts(Path(score.files[0].path))
        if len(found) == 1:
            yield self._add(score)
            return
        whole = embed_piece([Path(file.path) for file in score.files], self.model)
        kept = set()
        for part in found:
            piece = whole.cut(part.first, part.last)
            source = part_source(score, part)
            if not piece.places:
                if kind(score.files[0].path) == "notation":
                    reason = f"tune {part.first} cannot be engraved; check its notes"
                    yield Outcome(source, "failed", reason=reason)
                continue
            name = part.title or f"{score.name} p{part.first}"
            named = replace(score, name=name, source=source, title=part.title, composer=part.composer)
            known = self.store.with_source(source) is not None
            digest = f"{content}#{part.first}-{part.last}"
            stored = self.store.put(named, digest, piece.pages, piece.places, piece.embeddings, self.model.model_id)
            kept.add(source)
            yield Outcome(source, "replaced" if known else "added", stored)
        self.store.remove([piece for piece in before if piece.source not in kept])

    def _put(self, score: Score, content: str) -> tuple[Piece, tuple[str, ...]]:
        """The piece, and what of it is not read."""
        if score.kind == "recording":
            recording = embed_recording(score.files[0].path, self.model)
            if not len(recording.embeddings):
                raise BadInput(score.source, "is silent", "give a recording of music")
            times_s, embeddings = recording.times_s, recording.embeddings
            return self.store.put_recording(score, content, times_s, embeddings, self.model.model_id), ()
        piece = embed_piece([Path(file.path) for file in score.files], self.model)
        titled = replace(score, title=score.title or piece.title, composer=score.composer or piece.composer)
        stored = self.store.put(titled, content, piece.pages, piece.places, piece.embeddings, self.model.model_id)
        return stored, piece.remarks


def _failed(error: BadInput, source: str) -> Outcome:
    page_file = "" if error.path == source else f"{Path(error.path).name} "
    return Outcome(source, "failed", reason=f"{page_file}{error.what}; {error.remedy}")
