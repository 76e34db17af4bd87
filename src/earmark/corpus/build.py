"""The restartable corpus builder: pieces of a source → a corpus folder, laid out as `earmark.corpus.format` says.

A piece is made in a folder beside and appears whole. A restart keeps every piece whose sources have not changed and
adds what is missing, so a second build with more pianos, tempos or takes renders only those. ``piece.json`` is replaced
last: a file that it does not name is not part of the corpus.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from earmark.corpus.format import ABOUT, DESCRIPTION, FORMAT, MANIFEST, Json, read_json
from earmark.corpus.piece import Built, Renderings, build_piece, manifest_entry
from earmark.corpus.render import find_piano
from earmark.corpus.sources import Source
from earmark.errors import EarmarkError, Mismatch
from earmark.files import write_json
from earmark.schema import AudioSpec, SheetSpec


def build(
    out: Path, source: Source, pieces: dict[str, str], renderings: Renderings, jobs: int
) -> Generator[Built, None, None]:
    """Build ``pieces`` (name → file below the source) into ``out``, yielding each as it is done, in any order.

    The manifest is complete once the iterator ends and is also written when it is closed early, by ctrl-C say.

    Raises BadInput for an unknown piano or a soundfont not installed and Mismatch when ``out`` was
    built from another source or with other definitions.
    """
    for piano in renderings.pianos:
        find_piano(piano)
    _open_corpus(out, source, renderings)
    failures: dict[str, Json] = {}
    # FluidSynth is kept out of this process: if it crashes, the manifest is still written.
    executor = ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),  # the caller may have threads, a progress bar's say
        initializer=_start_worker,
    )
    with ExitStack() as stack:
        stack.callback(_write_manifest, out, failures)
        stack.callback(executor.shutdown, cancel_futures=True)
        tasks: dict[Future[Built], tuple[str, str]] = {
            executor.submit(build_piece, out, source, piece, file, renderings): (piece, file)
            for piece, file in pieces.items()
        }
        for task in as_completed(tasks):
            piece, file = tasks[task]
            try:
                built = task.result()
            except Exception as error:
                failures[piece] = {"piece": piece, "source": file, "status": "failed", "reason": _reason(error)}
                built = Built(failures[piece], 0.0, 0.0)
            yield built


def _start_worker() -> None:
    """Leave ctrl-C to the parent, which lets the pieces at hand be finished; end when the parent was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, EarmarkError) else f"{type(error).__name__}: {error}"


def _open_corpus(out: Path, source: Source, renderings: Renderings) -> None:
    """Create ``out`` or add to it; ``corpus.json`` lists every piano, tempo and take that was ever asked for."""
    made_with = {
        "format": FORMAT,
        "source": source.name,
        "revision": source.revision,
        "audio": AudioSpec().to_dict(),
        "sheet": SheetSpec().to_dict(),
        "lilypond": version("lilypond"),
        "verovio": version("verovio"),
    }
    path = out / ABOUT
    before = read_json(path) if path.is_file() else {}
    for key, value in made_with.items():
        if key in before and before[key] != value:
            raise Mismatch(f"{out}: was built with another {key} ({before[key]}, now {value}); choose a new folder")
    pianos = sorted({*before.get("pianos", ()), *renderings.pianos})
    tempos = sorted({*before.get("tempos", ()), *renderings.tempos})
    takes = max(before.get("takes", 0), renderings.takes)
    shutil.rmtree(out / "unfinished", ignore_errors=True)
    (out / "pieces").mkdir(parents=True, exist_ok=True)
    write_json(path, {**made_with, "pianos": pianos, "tempos": tempos, "takes": takes})


def _write_manifest(out: Path, failures: dict[str, Json]) -> None:
    entries = {path.parent.name: manifest_entry(read_json(path)) for path in (out / "pieces").glob(f"*/{DESCRIPTION}")}
    before = read_json(out / MANIFEST)["pieces"] if (out / MANIFEST).is_file() else []
    failed = {entry["piece"]: entry for entry in before if entry["status"] == "failed"}
    everything = {**failed, **entries, **failures}
    write_json(out / MANIFEST, {"pieces": [everything[piece] for piece in sorted(everything)]})
