"""MuseScore's own files, .mscz and .mscx → MusicXML, by MuseScore itself where it is installed.

Their format changes with every version and is documented nowhere, so that nobody else reads it well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from earmark.errors import BadInput

PATIENCE_S = 120.0
"""How long MuseScore may take; it starts in about five seconds."""
_ENDINGS = (".mscz", ".mscx")
_COMMANDS = (
    "mscore",
    "musescore",
    "MuseScore4",
    "mscore4portable",
    "musescore4",
    "musescore3",
    "mscore3",
    "MuseScore3",
)
_PLACES = (
    "/Applications/MuseScore 4.app/Contents/MacOS/mscore",
    "/Applications/MuseScore 3.app/Contents/MacOS/mscore",
    r"C:\Program Files\MuseScore 4\bin\MuseScore4.exe",
    r"C:\Program Files\MuseScore 3\bin\MuseScore3.exe",
)
_REMEDY = "export it in MuseScore (File > Export > MusicXML) and give that"


def is_musescore(path: Path) -> bool:
    """Whether a file's name is that of a MuseScore score."""
    return path.suffix.lower() in _ENDINGS


def as_musicxml(path: Path) -> bytes:
    """The score as MusicXML; raises BadInput when MuseScore is not installed, fails, or takes too long."""
    command = next(filter(None, map(shutil.which, (*_COMMANDS, *_PLACES))), None)
    if command is None:
        raise BadInput(path, "is a MuseScore file, and MuseScore is not installed here", _REMEDY)
    with tempfile.TemporaryDirectory(prefix="earmark-") as name:
        out = Path(name) / "score.musicxml"
        try:
            subprocess.run(
                [command, "-o", str(out), str(path.absolute())],
                capture_output=True,
                check=True,
                timeout=PATIENCE_S,
                env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
            )
            return out.read_bytes()
        except subprocess.TimeoutExpired as error:
            raise BadInput(path, f"takes MuseScore more than {PATIENCE_S:.0f} s", _REMEDY) from error
        except (subprocess.CalledProcessError, OSError) as error:
            raise BadInput(path, "cannot be exported by MuseScore", _REMEDY) from error
