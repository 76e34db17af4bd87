"""What the installed command says to bad input, and whether the library is whole afterwards.

    python -m benchmarks.bad_input SCORES RECORDING [--model NAME] [--json FILE]

SCORES is a folder of good PDFs, RECORDING a good recording; the bad files are made from them or from nothing
(``benchmarks.bad_files``). An answer is as it should be when the exit code is the documented one (0 an answer, 2 bad
input, 130 ctrl-C), what is said are lines of Earmark's own and no traceback, and the library passes SQLite's integrity
check and holds every piece that it held or that was reported as added, and no other. Exits with 1 if any is not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.support.command import Run, earmark, run, succeed
from benchmarks.support.results import describe, machine, table, write_json
from earmark.library.library import DEFAULT_MODEL

WITHOUT_PRIVILEGE = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
"""Takes from root what lets it read and write everything."""


@dataclass(frozen=True)
class Answer:
    """What came back: ``said`` is the line that tells what is wrong; ``fault`` is empty when all is as it should be."""

    tried: str
    exit_code: int | None
    said: str
    peak_mb: float
    fault: str


class Bench:
    """A folder with the bad files and a library of one piece, of which every trial gets a copy."""

    def __init__(self, folder: Path, scores: Path, recording: Path, model: str) -> None:
        self.folder, self.recording, self.model = folder, recording.resolve(), model
        self.scores = [path.resolve() for path in sorted(scores.glob("*.pdf"))]
        succeed(run([sys.executable, "-m", "benchmarks.bad_files", folder, self.scores[1], recording]))
        self._library = folder / "original"
        succeed(self.earmark("add", self._library, self.scores[0]))
        self.pieces = pieces_in(self._library)

    def earmark(self, verb: str, *arguments: str | Path) -> Run:
        """Runs a verb, without root's privilege to read and write everything."""
        model = ["--model", self.model] if verb in ("add", "find") else []
        return run([*(WITHOUT_PRIVILEGE if os.geteuid() == 0 else []), earmark(), verb, *arguments, *model])

    def library(self) -> Path:
        """Another copy of the library."""
        return Path(shutil.copytree(self._library, tempfile.mkdtemp(dir=self.folder), dirs_exist_ok=True))

    def trial(self, tried: str, code: int, verb: str, *arguments: str | Path) -> Answer:
        """Runs a verb on a copy of the library, which has to stay as it is."""
        library = self.library()
        return self.judge(tried, self.earmark(verb, library, *arguments), code, library, self.pieces)

    def judge(self, tried: str, done: Run, code: int, library: Path, expected: set[str]) -> Answer:
        """Compares with what should have come back; ``expected`` are the sources that the library should hold."""
        faults = [f"exit code {done.exit_code}"] if done.exit_code != code else []
        lines = [line for line in done.errors.splitlines() if line.strip()]
        if not all(line.startswith(("earmark: ", "failed: ")) for line in lines):
            faults.append("other lines than Earmark's")
        try:
            found = pieces_in(library)
            if found != expected:
                faults.append(f"library lacks {len(expected - found)} pieces and has {len(found - expected)} more")
        except sqlite3.Error as error:
            faults.append(f"library: {error}")
        said = next(iter(lines or done.output.splitlines()), "")
        for folder in (library.parent, self.folder, self.recording.parent):
            said = said.replace(f"{folder}/", "").replace(f"{library.name}:", "LIBRARY:")
        return Answer(tried, done.exit_code, said.strip(), done.peak_mb, ", ".join(faults))


def pieces_in(library: Path) -> set[str]:
    """The sources of all pieces; raises sqlite3.Error when the file is not whole."""
    with sqlite3.connect(library / "library.sqlite") as database:
        if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("not whole")
        dangling = database.execute("PRAGMA foreign_key_check").fetchall()
        without = database.execute("SELECT count(*) FROM pieces WHERE id NOT IN (SELECT piece FROM vectors)").fetchone()
        if dangling or without != (0,):
            raise sqlite3.DatabaseError("a piece is not whole")
        return {row[0] for row in database.execute("SELECT source FROM pieces")}


def try_sheet_music(bench: Bench) -> Iterator[Answer]:
    """Bad input to ``add``."""
    for what, name in (
        ("no such file", "nothing.pdf"),
        ("an empty folder", "empty"),
        ("a PDF of 0 bytes", "zero.pdf"),
        ("an image of 0 bytes", "zero.png"),
        ("a truncated PDF", "half.pdf"),
        ("a truncated JPEG", "half.jpg"),
        ("a text named .pdf", "text.pdf"),
        ("a recording named .pdf", "sound.pdf"),
        ("only a recording's header", f"header{bench.recording.suffix}"),
        ("an encrypted PDF", "encrypted.pdf"),
        ("a PDF without pages", "pageless.pdf"),
        ("a photo of no music, a landscape", "landscape.jpg"),
        ("a photo of no music, a rough wall", "wall.jpg"),
        ("an image of 1 × 1 px", "pixel.png"),
        ("an image of 20 000 × 20 000 px", "large.png"),
        ("an image of 20 000 × 3 000 px", "wide.png"),
    ):
        yield bench.trial(f"add: {what}", 2, "add", bench.folder / name)
    library, (_, one, other, *_) = bench.library(), bench.scores
    done = bench.earmark("add", library, one, bench.folder / "half.pdf", other)
    yield bench.judge("add: a bad file between good ones", done, 2, library, bench.pieces | {str(one), str(other)})


def try_recordings(bench: Bench) -> Iterator[Answer]:
    """Bad input to ``find``."""
    suffix = bench.recording.suffix
    for what, code, name in (
        ("no such file", 2, f"nothing{suffix}"),
        ("a folder", 2, "empty"),
        ("a recording of 0 bytes", 2, f"zero{suffix}"),
        ("a truncated recording", 0, f"half{suffix}"),
        ("only a recording's header", 2, f"header{suffix}"),
        ("a text named .mp3", 2, "text.mp3"),
        ("a PDF named .wav", 2, "score.wav"),
        ("a damaged PDF", 2, "half.pdf"),
        ("30 s of silence", 0, "silent.wav"),
        ("no samples", 2, "no-samples.wav"),
    ):
        yield bench.trial(f"find: {what}", code, "find", bench.folder / name)
    yield bench.trial("find: past the end", 2, "find", bench.recording, "--start", "99999")
    yield bench.trial("find: end before start", 2, "find", bench.recording, "--start", "9", "--end", "3")


def try_libraries(bench: Bench) -> Iterator[Answer]:
    """Libraries that are none, and pieces that are not there."""
    library = bench.library()
    for tried, arguments in (
        ("find: no library", ("find", bench.folder / "empty", bench.recording)),
        ("find: a library of something else", ("find", bench.folder / "other", bench.recording)),
        ("add: to a library of something else", ("add", bench.folder / "other", bench.scores[1])),
        ("add: to a file", ("add", bench.recording, bench.scores[1])),
        ("remove: no such piece", ("remove", library, "no such piece")),
    ):
        verb, *rest = map(str, arguments)
        yield bench.judge(tried, bench.earmark(verb, *rest), 2, library, bench.pieces)


def try_permissions(bench: Bench) -> Iterator[Answer]:
    """Files and libraries that may not be read or written."""
    sheet, sound = bench.folder / "forbidden.pdf", bench.folder / f"forbidden{bench.recording.suffix}"
    shutil.copy(bench.scores[1], sheet)
    shutil.copy(bench.recording, sound)
    for path in (sheet, sound):
        path.chmod(0o000)
    yield bench.trial("add: a file without permission", 2, "add", sheet)
    yield bench.trial("find: a file without permission", 2, "find", sound)
    library = bench.library()
    file = library / "library.sqlite"
    file.chmod(0o444)
    library.chmod(0o555)
    done = bench.earmark("add", library, bench.scores[1])
    yield bench.judge("add: to a library that may only be read", done, 2, library, bench.pieces)
    done = bench.earmark("find", library, bench.recording)
    yield bench.judge("find: in a library that may only be read", done, 0, library, bench.pieces)
    file.chmod(0o000)
    done = bench.earmark("find", library, bench.recording)
    library.chmod(0o755)
    file.chmod(0o644)
    yield bench.judge("find: in a library without permission", done, 2, library, bench.pieces)


def try_full_disk(bench: Bench) -> Iterator[Answer]:
    """A disk of 500 kB, in a mount namespace of its own, which some of the scores fill."""
    disk, after = (Path(tempfile.mkdtemp(dir=bench.folder)) for _ in range(2))
    script = (
        'mount -t tmpfs -o size=500k tmpfs "$0" && cp "$1"/* "$0" || exit 99; after="$2" earmark="$3"; shift 3; '
        '"$earmark" add "$0" "$@"; code=$?; cp "$0"/* "$after"; exit $code'
    )
    mounted = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = run([*mounted, disk, bench.library(), after, earmark(), *bench.scores, "--model", bench.model])
    if done.exit_code == 99:
        yield Answer("add: a full disk", None, f"skipped: {done.errors.strip()}", 0.0, "")
        return
    said = replace(done, errors=done.errors.replace(f"{disk}:", "LIBRARY:"))
    yield bench.judge("add: a full disk", said, 2, after, bench.pieces | reported(done.output, bench.scores))


def try_stopping(bench: Bench) -> Iterator[Answer]:
    """Signals to ``add`` once it has reported two pieces; adding again has to finish the work."""
    for what, sent, code in (("ctrl-C", signal.SIGINT, 130), ("kill -9", signal.SIGKILL, -signal.SIGKILL)):
        library = bench.library()
        command = [earmark(), "add", str(library), *map(str, bench.scores), "--model", bench.model]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        output = "".join(process.stdout.readline() for _ in range(2))
        process.send_signal(sent)
        rest, errors = process.communicate()
        # A piece may be stored whose report was cut off; none that was reported may be missing.
        expected = bench.pieces | reported(output + rest, bench.scores)
        kept = pieces_in(library)
        expected |= kept if len(kept - expected) <= 1 else set()
        done = Run(0.0, 0.0, process.returncode, output + rest, errors)
        answer = bench.judge(f"add: {what} after two pieces", done, code, library, expected)
        again = bench.earmark("add", library, *bench.scores)
        finished = again.exit_code == 0 and pieces_in(library) == set(map(str, bench.scores))
        yield answer if finished else replace(answer, fault="adding again does not finish")


def reported(output: str, scores: Sequence[Path]) -> set[str]:
    """The sources of the scores that ``add`` printed as added (``added: NAME (2 pages, …)``)."""
    names = {line.removeprefix("added: ").rsplit(" (", 1)[0] for line in output.splitlines()}
    return {str(path) for path in scores if path.stem in names}


TRIALS: tuple[Callable[[Bench], Iterator[Answer]], ...] = (
    try_sheet_music,
    try_recordings,
    try_libraries,
    try_permissions,
    try_full_disk,
    try_stopping,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    about = machine()
    print(describe(about), "\n", sep="")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder).resolve(), given.scores, given.recording, given.model)
        answers = [answer for trial in TRIALS for answer in trial(bench)]
    rows = [(a.tried, a.exit_code, f"`{a.said}`", f"{a.peak_mb:.0f}" if a.peak_mb else "", a.fault) for a in answers]
    print(table(("tried", "exit code", "said", "peak MB", "not as it should be"), rows))
    faults = sum(bool(answer.fault) for answer in answers)
    print(f"\n{len(answers) - faults} of {len(answers)} as they should be")
    if given.json:
        write_json(given.json, {"machine": about, "answers": [asdict(answer) for answer in answers]})
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
