"""``earmark doctor``: whether this installation works, and what protects this machine from the files it reads."""

from __future__ import annotations

import platform
import sys
from importlib import import_module, metadata
from typing import Any, NamedTuple

import click

from earmark import __version__
from earmark.cli.options import JSON, print_json, print_table
from earmark.errors import EarmarkError

EXIT_WRONG = 1
READERS = {
    "PDF": ("pypdfium2",),
    "images": ("Pillow", "opencv-python-headless"),
    "score files": ("verovio", "resvg-py"),
    "recordings, videos": ("av",),
    "MIDI files": ("mido",),
    "searching": ("faiss-cpu", "onnxruntime", "numpy"),
}
MODULES = {"Pillow": "PIL", "opencv-python-headless": "cv2", "resvg-py": "resvg_py", "faiss-cpu": "faiss"}
EXTRAS = {"the server": ("web", ("fastapi", "uvicorn", "websockets")), "the microphone": ("listen", ("sounddevice",))}


class Finding(NamedTuple):
    """Something that was looked at: of what kind, what it is, and whether it is as it should be."""

    part: str
    what: str
    state: str
    is_well: bool = True


@click.command()
@JSON
def doctor_command(as_json: bool) -> None:
    """Say whether Earmark works on this machine, and what confines the processes that read files.

    Loads the weights that ship and what reads each kind of file, starts a process as for reading, and tries what it may
    do. Exits with 0 if all works, with 1 if something does not.

    \b
    earmark doctor
    """
    found = [_about(), *_readers(), *_weights(), *_confined(), *_extras()]
    if as_json:
        print_json({"findings": [_finding_json(finding) for finding in found]})
    else:
        print_table(("", "", ""), [(finding.part, finding.what, finding.state) for finding in found])
    if not all(finding.is_well for finding in found):
        sys.exit(EXIT_WRONG)


def _about() -> Finding:
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {platform.machine()}"
    return Finding("earmark", __version__, system)


def _readers() -> list[Finding]:
    return [Finding("reads", what, *_installed(packages)) for what, packages in READERS.items()]


def _extras() -> list[Finding]:
    found = []
    for what, (extra, packages) in EXTRAS.items():
        state, is_there = _installed(packages)
        found.append(Finding("extra", what, state if is_there else f"not there: pip install 'earmark[{extra}]'"))
    return found


def _installed(packages: tuple[str, ...]) -> tuple[str, bool]:
    """The versions of packages, and whether all can be imported."""
    versions = []
    for package in packages:
        try:
            import_module(MODULES.get(package, package))
            versions.append(f"{package} {metadata.version(package)}")
        except (ImportError, OSError) as error:
            return f"{package} cannot be loaded ({error}): install Earmark again", False
    return ", ".join(versions), True


def _weights() -> list[Finding]:
    import numpy as np

    from earmark.model.encoders import available, load
    from earmark.schema import AudioSpec, SheetSpec
    from earmark.sheet.strips import blank

    sound = np.zeros((AudioSpec().window_frames, AudioSpec().bands), np.float32)
    strip = blank(SheetSpec().window_px)
    found = []
    for name in available():
        try:
            model = load(name)
            model.embed_audio(sound, np.array([len(sound) / 2]))
            model.embed_strip(strip, np.array([strip.columns / 2]))
            found.append(Finding("weights", name, f"work ({model.model_id})"))
        except EarmarkError as error:
            found.append(Finding("weights", name, str(error), False))
    return found or [Finding("weights", "none", "none ship: install Earmark again", False)]


def _confined() -> list[Finding]:
    """What a process that reads files may do; unwell if it may do what this system could keep it from."""
    from earmark.sandbox import landlock, seccomp
    from earmark.sandbox.probe import confinement
    from earmark.sandbox.sandbox import Sandbox

    try:
        tried = confinement(Sandbox())
    except EarmarkError as error:
        return [Finding("confined", "processes", f"do not work ({error})", False)]
    is_linux, has_files, has_calls = sys.platform == "linux", landlock.version() > 0, seccomp.is_offered()
    return [
        Finding("confined", "time", "limited"),
        _confinement("memory", tried.memory, "limited", "not limited", is_linux),
        _confinement("files", tried.files, "the input and the installation only", "all of yours", has_files),
        _confinement("network", tried.network, "none", "open", has_calls),
        _confinement("programs", tried.programs, "none but the engraver", "all of yours", has_calls),
    ]


def _confinement(what: str, is_confined: bool, confined: str, otherwise: str, could_be: bool) -> Finding:
    if is_confined:
        return Finding("confined", what, confined)
    why = "although this system can do better" if could_be else "since this system can do no better"
    return Finding("confined", what, f"{otherwise}, {why}", not could_be)


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {"part": finding.part, "what": finding.what, "state": finding.state, "well": finding.is_well}
