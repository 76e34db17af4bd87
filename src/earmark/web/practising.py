"""What goes on for those who practise with recordings: which recordings a piece has, and where they are in its score.

Both take long, and are kept: links by the library, alignments as files in a folder beside it.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from earmark.files import make_folder, write_json
from earmark.store.store import Piece
from earmark.web.catalogue import Catalogue
from earmark.web.limits import Limits
from earmark.web.protocol import Task
from earmark.web.queue import Client, Job, Pool

FOLDER = "alignments"
MOST_KEPT = 1000


class Practising:
    """For the event loop only, but `kept` and `keep`; ``adding`` and ``searching`` do the work.

    ``folder`` is where the library keeps files.
    """

    def __init__(self, catalogue: Catalogue, adding: Pool, searching: Pool, limits: Limits, folder: Path) -> None:
        self._catalogue, self._adding, self._searching, self._limits = catalogue, adding, searching, limits
        self._folder = folder / FOLDER
        self._linking: Job | None = None
        self._aligning: dict[Path, Job] = {}

    def link(self, client: Client) -> None:
        """Sees to it that new pieces are held against all others; raises Refusal, busy, when too much waits."""
        if self._linking is None or self._linking.over:
            self._linking = self._adding.submit(client, Task("link"), self._limits.addition_s)

    def kept(self, score: Piece, recording: Piece) -> dict[str, Any] | None:
        """The alignment of a recording with a score, if it is known."""
        with suppress(OSError, ValueError):
            alignment: dict[str, Any] = json.loads(self._path(score, recording).read_text(encoding="utf-8"))
            return alignment
        return None

    def align(self, client: Client, score: Piece, recording: Piece, path: str) -> Job:
        """The work on it, which is begun if need be; raises Refusal when it has failed, or when too much waits.

        ``path`` is the recording's file.
        """
        kept_at = self._path(score, recording)
        job = self._aligning.get(kept_at)
        if job is None:
            task = Task("align", {"path": path, "name": recording.name, "piece": score.name})
            job = self._aligning[kept_at] = self._searching.submit(client, task, self._limits.query_s)
        if job.over:
            del self._aligning[kept_at]  # the next call reads it, or tries again
            if job.refusal:
                raise job.refusal
        return job

    def keep(self, score: Piece, recording: Piece, alignment: dict[str, Any]) -> None:
        """Keeps an alignment for good; those that were made longest ago make room."""
        make_folder(self._folder)
        write_json(self._path(score, recording), alignment)
        kept = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(0, len(kept) - MOST_KEPT)]:
            path.unlink(missing_ok=True)

    def _path(self, score: Piece, recording: Piece) -> Path:
        """Where it is kept: by what it depends on, the files' contents, the score's name, when that was read, and the
        model."""
        of = (score.sha256, recording.sha256, score.name, score.added_at, self._catalogue.model_id)
        return self._folder / f"{hashlib.sha256(repr(of).encode()).hexdigest()}.json"
