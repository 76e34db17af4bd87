"""Files → embeddings. What opens a file does so in a process of its own (`earmark.sandbox`); what it gives is encoded
here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from earmark.embed.piece import EmbeddedPiece, embed_piece
from earmark.embed.recording import EmbeddedRecording, embed_recording, read_blocks
from earmark.errors import BadInput
from earmark.model.encoders import Model
from earmark.sandbox.sandbox import Sandbox
from earmark.schema import PageImage
from earmark.search.query import Query, query_of, query_of_pages
from earmark.sheet.draw import find_page
from earmark.sheet.flat_pages import FlatPage, read_flat_pages
from earmark.sheet.read import needs_engraver
from earmark.sources.on_disk import Score


def read_piece(
    files: Sequence[Path], model: Model, sandbox: Sandbox, report: Callable[[int], None] | None = None
) -> EmbeddedPiece:
    """The pages of ``files``, in order; raises BadInput when they cannot be read, or no page has a system.

    ``report`` is told how many pages have been read.
    """

    def counted(pages: Iterable[FlatPage]) -> Iterator[FlatPage]:
        for number, page in enumerate(pages, start=1):
            yield page
            if report:
                report(number)

    pages = counted(sandbox.stream(read_flat_pages, files, may_start=needs_engraver(files)))
    return embed_piece(pages, files[0] if len(files) == 1 else files[0].parent, model)


def read_recording(
    path: Path,
    model: Model,
    sandbox: Sandbox,
    start_s: float = 0.0,
    end_s: float | None = None,
    report: Callable[[float], None] | None = None,
    semitones: int = 0,
) -> EmbeddedRecording:
    """The recording at ``path``, or its stretch ``start_s``..``end_s``; a MIDI file is played.

    It is heard ``semitones`` higher than it sounds. ``report`` is told now and then how many seconds have been heard.
    Raises BadInput when it cannot be read.
    """
    return embed_recording(sandbox.stream(read_blocks, path, start_s, end_s, semitones), model, report)


def read_page(files: Sequence[str | Path], number: int, sandbox: Sandbox) -> PageImage:
    """Page ``number``, from 1, of a piece read from ``files``; raises BadInput when there is none now."""
    (page,) = filter(None, sandbox.stream(find_page, files, number, may_start=needs_engraver(files)))
    return page


def read_query(
    score: Score,
    model: Model,
    sandbox: Sandbox,
    start_s: float = 0.0,
    end_s: float | None = None,
    report: Callable[[float], None] | None = None,
    semitones: int = 0,
) -> Query:
    """The query that sheet music or a recording is; a recording is read as `read_recording` does.

    Raises BadInput, named after the ``source`` of ``score``, as that and `read_piece` do, and for a stretch of a page.
    """
    files = [Path(file.path) for file in score.files]
    if score.kind == "score" and (start_s or end_s is not None):
        raise BadInput(score.source, "is sheet music, which has no seconds", "leave out the start and the end")
    try:
        if score.kind == "score":
            return query_of_pages(read_piece(files, model, sandbox))
        return query_of(read_recording(files[0], model, sandbox, start_s, end_s, report, semitones), start_s)
    except BadInput as error:
        page = f"{Path(error.path).name} " if len(files) > 1 and error.path in map(str, files) else ""
        raise BadInput(score.source, f"{page}{error.what}", error.remedy) from error
