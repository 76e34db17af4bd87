"""Engrave the demo's LilyPond sources: ``python -m demo.make_scores`` from the root of the project.

Every ``demo/scores/*.ly`` becomes a PDF and a MIDI file beside it; the pieces in ``demo/absent`` are only
played, so they become MIDI alone. Needs the ``corpus`` extra (LilyPond comes with it). A warning, such as one
of a bar that is not full, fails the run and leaves that piece's files as they were.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import lilypond

HERE = Path(__file__).parent


def engrave(source: Path, suffixes: tuple[str, ...]) -> None:
    """Write ``source`` with each of ``suffixes`` (``.pdf``, ``.mid``) beside itself.

    Raises ``RuntimeError`` with LilyPond's own words when it fails or warns.
    """
    with tempfile.TemporaryDirectory(dir=source.parent, prefix=".engraving-") as folder:
        options = ["--loglevel=WARNING", "-dno-point-and-click", "-dmidi-extension=mid", f"--output={folder}"]
        command = [str(lilypond.executable()), *options, str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stderr.strip()
        if done.returncode or said:
            raise RuntimeError(f"{source}: {said or f'LilyPond exited with {done.returncode}'}")
        for suffix in suffixes:
            os.replace(Path(folder, source.stem + suffix), source.with_suffix(suffix))


def main() -> None:
    for folder, suffixes in (("scores", (".pdf", ".mid")), ("absent", (".mid",))):
        for source in sorted((HERE / folder).glob("*.ly")):
            engrave(source, suffixes)
            print(source.relative_to(HERE), *suffixes, file=sys.stderr)


if __name__ == "__main__":
    main()
