"""Sheet music and recordings, on disk or on the web → pieces in a store, each whole or not at all.

What is there already is not read again: a file is known by its path, size and time, else by its content.

Pieces are read and encoded several at a time, ahead of the one that is stored; they are stored one after the other, in
order, so that a library is the same however many are read at a time.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Literal

from earmark.embed.piece import EmbeddedPiece
from earmark.embed.recording import EmbeddedRecording
from earmark.errors import BadInput, reading
from earmark.sandbox.sandbox import Sandbox
from earmark.sheet.formats import kind
from earmark.sheet.iiif import download, is_address
from earmark.sheet.manifest import MAX_MEMBERS, Collection
from earmark.sheet.parts import Part
from earmark.sources.archives import is_archive
from earmark.sources.encode import Embedded, Encoding, Work
from earmark.sources.extent import Extent, Watcher, extent
from earmark.sources.object_store import ObjectStore
from earmark.sources.on_disk import (
    Score,
    Skipped,
    Source,
    are_all_parts,
    can_hold_parts,
    find_scores,
    named_in_archive,
    page_file,
    part_source,
    score_at,
    sha256,
)
from earmark.sources.remote import fetched_file
from earmark.store.store import LibraryUnusable, Piece, Store
from earmark.store.whole import keep_files

Found = Source | str
"""A score on disk, what cannot be one or is passed over, or the address of one on the web."""

Status = Literal["added", "unchanged", "replaced", "failed", "skipped"]

_AHEAD = 2
"""Pieces that are read ahead, times those that are read at a time: a long one keeps the others from nothing."""


@dataclass(frozen=True)
class Outcome:
    """What became of one ``source``: an absolute path or address, in an archive the archive's with the path in it.

    ``piece`` is None, and ``reason`` says why, if it failed or was passed over. ``remarks`` say what of a piece was
    amiss or is not read, a clause each.
    """

    source: str
    status: Status
    piece: Piece | None = None
    reason: str = ""
    remarks: tuple[str, ...] = ()


def find_sources(given: Iterable[str | Path], sandbox: Sandbox, unpacked: Path) -> Iterator[Found]:
    """All sources at paths and addresses, in order, and in archives, which are put into the folder ``unpacked``; see
    `earmark.sources.on_disk`."""
    for where in given:
        if is_address(where):
            yield str(where)
        else:
            yield from find_scores([Path(where).expanduser()], sandbox, unpacked)


@dataclass
class _Source:
    """One source on its way into the store, in parts if ``is_split``; ``embedded`` is on its way if it was begun.

    ``source`` is what people know it as; ``skipped`` says why it is passed over, "" if it is not.
    """

    source: str
    skipped: str = ""
    score: Score | None = None
    is_split: bool = False
    error: Exception | None = None
    embedded: Future[Embedded] | None = field(default=None, repr=False)

    @cached_property
    def content(self) -> str:
        """The checksum of its files; raises BadInput."""
        assert self.score is not None
        return sha256(self.score)


@dataclass(frozen=True)
class Adding:
    """Reads sources into ``store``: they are found and looked at in ``sandbox``, and encoded with the model of that
    ``model_id`` by ``encoding``.

    ``downloads`` is the folder for what comes from the web, ``unpacked`` that for what archives hold; with ``split``, a
    file of several titles is as many pieces. Files are put into ``kept``, too, for other machines, unless it is None.
    """

    store: Store
    model_id: str
    sandbox: Sandbox
    encoding: Encoding
    downloads: Path
    unpacked: Path
    split: bool
    kept: ObjectStore | None = None
    watcher: Watcher | None = None

    def tell_extents(self, found: Iterable[Found]) -> None:
        """Tells the watcher how much there is to read, of what is not known to be there already."""
        if self.watcher is None:
            return
        extents = {}
        for score in found:
            if isinstance(score, Score):
                before = self.store.with_source(score.source)
                if before is None or self.store.files(before) != score.files:
                    extents[score.shown] = extent(score, self.sandbox)
        self.watcher.begins(extents)

    def outcomes(self, found: Iterable[Found]) -> Iterator[list[Outcome]]:
        """What becomes of each source, its pieces in order: failed, whatever is wrong with it.

        Raises LibraryUnusable when the store takes nothing more.
        """
        begun: deque[_Source] = deque()
        is_given_up = True
        try:
            for one in chain.from_iterable(map(self._led_to, found)):
                begun.append(self._begun(one, begun))
                if len(begun) > _AHEAD * self.encoding.jobs:
                    yield self._finished(begun.popleft())
            while begun:
                yield self._finished(begun.popleft())
            is_given_up = False
        finally:
            self.encoding.close(is_given_up)

    def _led_to(self, found: Found) -> Iterator[Source]:
        """The source itself; of an address, the pieces that it leads to."""
        if not isinstance(found, str):
            yield found
            return
        asked, addresses = 0, [found]
        while addresses:
            url = addresses.pop(0)
            asked += 1
            if asked > MAX_MEMBERS:
                yield BadInput(found, f"leads to more than {MAX_MEMBERS} manifests", "give some of them")
                return
            try:
                with reading(url):
                    fetched = self._fetched(url, found)
            except BadInput as error:
                is_own = error.path == url or isinstance(error, LibraryUnusable)
                yield error if is_own else BadInput(url, f"{Path(error.path).name} {error.what}", error.remedy)
                continue
            if isinstance(fetched, Collection):
                addresses += fetched.members
            else:
                yield from fetched

    def _begun(self, found: Source, before: Iterable[_Source]) -> _Source:
        """One source, and its reading under way unless the store, or one ``before`` it, seems to have it already."""
        name = found.shown if isinstance(found, Score) else found.path
        source = _Source(name, skipped=found.reason if isinstance(found, Skipped) else "")
        if isinstance(found, Skipped):
            return source
        try:
            with reading(name):
                if isinstance(found, BadInput):
                    raise found
                source.score = found
                source.is_split = self.split and (bool(found.parts) or can_hold_parts(found, self.sandbox))
                if self._seems_new(source) and source.content not in [one.content for one in before if one.embedded]:
                    source.embedded = self._submitted(source, source.score)
        except (BadInput, LibraryUnusable) as error:
            source.error = error
        return source

    def _finished(self, source: _Source) -> list[Outcome]:
        """What becomes of a source."""
        if source.skipped:
            return [Outcome(source.source, "skipped", reason=source.skipped)]
        outcomes: list[Outcome] = []
        try:
            with reading(source.source):
                if source.error is not None:
                    raise source.error
                assert source.score is not None
                if source.is_split:
                    outcomes.extend(self._add_parts(source, source.score))
                else:
                    outcomes.append(self._add(source, source.score))
        except LibraryUnusable:  # a full disk, say: nothing more can be added
            raise
        except BadInput as error:
            outcomes.append(_failed(error, source))
        return outcomes if source.score is None else [_of_score(outcome, source.score) for outcome in outcomes]

    def _fetched(self, url: str, given: str) -> list[Source] | Collection:
        """The file at an address, or what an archive there holds; or the pages of a IIIF manifest, and its recordings,
        or the addresses in a collection. What is fetched is kept.

        ``given`` is the address that a person gave, which led to ``url``.
        """
        folder = self.downloads / hashlib.sha256(url.encode()).hexdigest()[:16]
        try:
            path = fetched_file(url, folder) if url == given else None
            if path is not None and is_archive(path):
                return [named_in_archive(one, path, url) for one in find_scores([path], self.sandbox, self.unpacked)]
            if path is not None:
                return [score_at(url, path)]
            fetched = download(url, folder, self.sandbox, given=given)
            if isinstance(fetched, Collection):
                return fetched
            label = fetched.manifest.label
            pages = tuple(map(page_file, fetched.pages))
            heard = [(one, page_file(path)) for one, path in fetched.recordings]
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            raise LibraryUnusable(folder, what, "make room or give yourself permission") from error
        parts = tuple(Part(one.first, one.last, one.label) for one in fetched.manifest.ranges)
        score = Score(label or url, url, pages, title=label, parts=parts, missing=fetched.missing)
        names = [one.label or f"{label or url} ({number})" for number, (one, _) in enumerate(heard, start=1)]
        recordings: list[Source] = [
            Score(name, f"{url}#{number}", (file,), "recording", title=name)
            for number, (name, (_, file)) in enumerate(zip(names, heard, strict=True), start=1)
        ]
        return [score, *recordings] if pages else recordings

    def _seems_new(self, source: _Source) -> bool:
        """Whether the store has nothing of these files; what is stored meanwhile is seen when it is this one's turn."""
        score = source.score
        assert score is not None
        if source.is_split:
            return not self._known_parts(score)[1]
        before = self.store.with_source(score.source)
        if before:
            return self.store.files(before) != score.files and before.sha256 != source.content
        return self.store.with_content(source.content) is None

    def _submitted(self, source: _Source, score: Score) -> Future[Embedded]:
        """Begins to read and encode a score."""
        files = tuple(Path(file.path) for file in score.files)

        def report(done: Extent) -> None:
            if self.watcher:
                self.watcher.reads(source.source, done)

        return self.encoding.submit(Work(files, score.kind, source.is_split, score.parts), report)

    def _read(self, source: _Source, score: Score) -> Embedded:
        """What was read of a source; now, if its reading was not begun."""
        return (source.embedded or self._submitted(source, score)).result()

    def _add(self, source: _Source, score: Score) -> Outcome:
        """One score; raises BadInput when its files cannot be used, its LibraryUnusable when the store
        cannot."""
        before = self.store.with_source(score.source)
        if before and self.store.files(before) == score.files:
            return self._unchanged(score, before)
        twin = None if before else self.store.with_content(source.content)
        if twin and all(Path(file.path).exists() for file in self.store.files(twin)):
            return self._unchanged(score, twin)
        same = before if before and before.sha256 == source.content else twin  # touched, or moved
        if same:
            try:
                return self._unchanged(score, self.store.relocate(same, score))
            except KeyError:  # another process has removed it meanwhile
                before = None
        status: Status = "replaced" if before else "added"
        piece, found = self._put(score, source.content, self._read(source, score))
        return Outcome(score.source, status, piece, remarks=found.remarks)

    def _known_parts(self, score: Score) -> tuple[list[Piece], list[Piece]]:
        """The pieces of one file; and the same, if they are all of it as it is now, else none."""
        before = self.store.of_file(score.source)
        parts = [piece for piece in before if self.store.files(piece) == score.files]
        sources = [piece.source for piece in parts]
        if score.parts:
            is_whole = sorted(sources) == sorted(part_source(score, part) for part in score.parts)
        else:
            is_whole = bool(parts) and are_all_parts(score, sources, self.sandbox)
        return before, parts if is_whole else []

    def _add_parts(self, source: _Source, score: Score) -> Iterator[Outcome]:
        """The pieces of one file, each for itself; in place of what the file was before."""
        before, unchanged = self._known_parts(score)
        if unchanged:
            self._keep(score, unchanged[0].sha256)
            yield from (Outcome(piece.source, "unchanged", piece) for piece in unchanged)
            return
        read = self._read(source, score)
        if len(read.parts) == 1:
            yield self._add(source, score)
            return
        assert read.piece is not None
        self._keep(score, source.content)
        kept = set()
        for part in read.parts:
            piece = read.piece.cut(part.first, part.last)
            address = part_source(score, part)
            if not piece.places:
                if kind(score.files[0].path) == "notation":
                    reason = f"tune {part.first} cannot be engraved; check its notes"
                    yield Outcome(address, "failed", reason=reason)
                continue
            name = part.title or f"{score.name} p{part.first}"
            named = replace(score, name=name, source=address, title=part.title, composer=part.composer)
            known = self.store.with_source(address) is not None
            digest = f"{source.content}#{part.first}-{part.last}"
            stored = self.store.put(
                named, digest, piece.pages, piece.places, piece.embeddings, self.model_id, piece.thumbnail
            )
            kept.add(address)
            yield Outcome(address, "replaced" if known else "added", stored)
        self.store.remove([piece for piece in before if piece.source not in kept])

    def _unchanged(self, score: Score, piece: Piece) -> Outcome:
        """That a piece of a score is there already; its files are put for other machines, if they were not then."""
        self._keep(score, piece.sha256)
        return Outcome(score.source, "unchanged", piece)

    def _keep(self, score: Score, content: str) -> None:
        """Puts a score's files where other machines fetch them, before its pieces are there."""
        if self.kept:
            keep_files(self.kept, content, score.files)

    def _put(self, score: Score, content: str, read: Embedded) -> tuple[Piece, EmbeddedPiece | EmbeddedRecording]:
        """The piece as it is stored, and as it was read."""
        found = read.recording or read.piece
        assert found is not None
        self._keep(score, content)
        titled = replace(score, title=score.title or found.title, composer=score.composer or found.composer)
        if isinstance(found, EmbeddedRecording):
            stored = self.store.put_recording(titled, content, found.times_s, found.embeddings, self.model_id)
        else:
            pages, places, embeddings = found.pages, found.places, found.embeddings
            stored = self.store.put(titled, content, pages, places, embeddings, self.model_id, found.thumbnail)
        return stored, found


def _of_score(outcome: Outcome, score: Score) -> Outcome:
    """An outcome of a score, or of a part of it, under the name that people know it as; it says why pages could not be
    had, in place of that they could not be read."""
    named = replace(outcome, source=outcome.source.replace(score.source, score.shown, 1))
    if not score.missing:
        return named
    others = tuple(remark for remark in outcome.remarks if " is missing (" not in remark)
    return replace(named, remarks=(*score.missing, *others))


def _failed(error: BadInput, source: _Source) -> Outcome:
    own = (source.source, source.score and source.score.source)
    page_file = "" if error.path in own else f"{Path(error.path).name} "
    return Outcome(source.source, "failed", reason=f"{page_file}{error.what}; {error.remedy}")
