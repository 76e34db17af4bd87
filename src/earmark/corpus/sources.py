"""Sources of scores: where they come from, which pieces they hold, and a copy that today's LilyPond reads.

A source is a folder of score files, or laid out like the Mutopia Project's repository: ``ftp/COMPOSER/…/PIECE.ly``,
each piece with the files that it includes. Old LilyPond files are translated with LilyPond's own ``convert-ly``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earmark.errors import BadInput
from earmark.sheet.formats import kind

# Scheme includes files, too, in strings with their quotation marks escaped.
_INCLUDE = re.compile(r'^[^%\n]*?\\include\s+\\?"([^"\\]+)\\?"', re.MULTILINE)
_VERSION = re.compile(r'\\version\s+"([0-9.]+)"')
# What convert-ly cannot translate. "old-relative" even makes it give up on the file.
_OBSOLETE = (
    (re.compile(r"#\(ly:set-option\s+'old-relative[^)]*\)"), ""),
    (re.compile(r"\\(?:applyMusic|apply)\s+#unfold-repeats"), r"\\unfoldRepeats"),
    (re.compile(r'\\(?:input)?encoding\s+"[^"]*"'), ""),
    (re.compile(r'"\s*\+\s*\\\w+\s*\+\s*"'), ""),  # strings joined with +; here always a footer's
    # A context was once followed by a setting in place of music.
    (re.compile(r'(\\context\s+\w+\s*=\s*"[^"]*")(?=\s*\\(?:once|override|set)\b)'), r"\1 { }"),
)
_CONVERT_TIMEOUT_S = 120
_FAULTY_RULE = [2, 5, 2]  # of convert-ly: the version it leads to


@dataclass(frozen=True)
class Source:
    """A folder of scores; ``name`` is what the user said and ``revision`` the git commit, if it has one."""

    root: Path
    name: str
    revision: str | None


def open_source(name: str, clone_into: Path) -> Source:
    """The source ``name``: a folder, or ``URL#COMMIT`` of a git repository, fetched into ``clone_into``.

    Raises BadInput for a folder that does not exist, a URL without a full commit (what a name or a tag
    points to can change, and then two builds would differ) and a repository that cannot be fetched.
    """
    if Path(name).is_dir():
        return Source(Path(name), name, None)
    url, _, revision = name.partition("#")
    if not revision and "://" not in url:
        raise BadInput(name, "no such folder", "give a folder of LilyPond sources or URL#COMMIT of a repository")
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise BadInput(name, "is not pinned to a revision", "write URL#COMMIT with all 40 digits of the commit")
    if not (clone_into / ".git").is_dir() or _git(clone_into, "rev-parse", "HEAD") != revision:
        _fetch(url, revision, clone_into)
    return Source(clone_into, url, revision)


def _fetch(url: str, revision: str, folder: Path) -> None:
    fetching = folder.with_name(f".{folder.name}.fetching")
    shutil.rmtree(fetching, ignore_errors=True)
    fetching.mkdir(parents=True)
    try:
        _git(fetching, "init", "--quiet")
        _git(fetching, "fetch", "--quiet", "--depth", "1", url, revision)
        _git(fetching, "checkout", "--quiet", "--detach", revision)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["git failed"]
        raise BadInput(url, f"cannot fetch {revision}: {lines[-1]}", "check the URL and the commit") from error
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(fetching, folder)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def list_pieces(source: Source, pieces: Path | None) -> dict[str, str]:
    """The pieces to build: name → path of the LilyPond file below the source, sorted by name.

    ``pieces`` is a JSON object of exactly that, or a text file with one path a line, from which the names are made
    (``ftp/BachJS/BWV846/wtk1.ly`` → ``BachJS__BWV846__wtk1``). Without it, every score file (MusicXML, MXL, MEI,
    **kern, ABC) of the source is a piece, and every ``.ly`` file that no other file includes.

    Raises BadInput for a file that is neither, that names no piece or that names one that does not exist.
    """
    listed = _read_list(pieces) if pieces else _named([*_not_included(source.root), *_score_files(source.root)])
    if not listed:
        raise BadInput(pieces or source.name, "names no piece", "list LilyPond or score files of the source")
    for file in listed.values():
        if not (source.root / file).is_file():
            raise BadInput(pieces or source.name, f"{file} is not in {source.name}", "correct or remove the line")
    return dict(sorted(listed.items()))


def _read_list(pieces: Path) -> dict[str, str]:
    try:
        text = pieces.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(pieces, "cannot be read", "give a JSON object or a text file with a path a line") from error
    if pieces.suffix != ".json":
        return _named(line.strip() for line in text.splitlines() if line.strip())
    try:
        listed = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(pieces, f"is not JSON ({error})", 'write {"piece": "ftp/…/file.ly", …}') from error
    if not isinstance(listed, dict) or not all(isinstance(file, str) for file in listed.values()):
        raise BadInput(pieces, "is not an object of paths", 'write {"piece": "ftp/…/file.ly", …}')
    for piece in listed:
        if not re.fullmatch(r"[^/\\\0.][^/\\\0]*", piece):
            raise BadInput(pieces, f"{piece!r} cannot name a folder", "use names without slashes")
    return listed


def _named(files: Iterable[str]) -> dict[str, str]:
    return {"__".join(Path(file.removeprefix("ftp/")).with_suffix("").parts): file for file in files}


def _not_included(root: Path) -> list[str]:
    files = sorted(root.rglob("*.ly"))
    included = {other for file in files for other in include_closure(file, root)[1:]}
    return [file.relative_to(root).as_posix() for file in files if file not in included]


def _score_files(root: Path) -> list[str]:
    return [file.relative_to(root).as_posix() for file in sorted(root.rglob("*")) if kind(file) == "notation"]


def include_closure(main: Path, root: Path) -> list[Path]:
    """``main`` and every file below ``root`` that it includes, directly or not.

    Includes that are not there (``english.ly``, ``articulate.ly``) are LilyPond's own.
    """
    closure = [main]
    for file in closure:
        for name in _INCLUDE.findall(read_text(file)):
            # LilyPond looks beside the including file first, then beside the main file.
            for folder in (file.parent, main.parent):
                included = Path(os.path.normpath(folder / name))
                if included.is_file() and included.is_relative_to(root):
                    if included not in closure:
                        closure.append(included)
                    break
    return closure


def header_fields(main: Path, root: Path, *names: str) -> list[str]:
    """What the headers of a LilyPond file and of all that it includes say in the fields ``names``, as it stands."""
    field = re.compile(rf'^[^%\n]*?\b(?:{"|".join(names)})\s*=\s*"([^"\n]*)"', re.MULTILINE)
    return [value for file in include_closure(main, root) for value in field.findall(read_text(file))]


def read_text(file: Path) -> str:
    """The text of a LilyPond file, whatever its encoding."""
    data = file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # LilyPond before 2.6 read Latin-1


def digest(main: Path, root: Path) -> str:
    """The SHA-256 of ``main`` and all that it includes: equal as long as the piece need not be built again."""
    total = hashlib.sha256()
    for file in include_closure(main, root):
        total.update(file.relative_to(root).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def translate(main: Path, root: Path, scratch: Path, in_steps: bool = False) -> Path:
    """Copy ``main`` and what it includes into ``scratch``, for today's LilyPond; return the copy of ``main``.

    Files that state no version are taken to be as old as the main file. convert-ly stops at the first file older than
    2.5.2 with a markup in braces; ``in_steps`` leaves out the rule at fault, and converts every file by itself.
    """
    from lilypond import executable

    copies = []
    for file in include_closure(main, root):
        text = read_text(file)
        for pattern, replacement in _OBSOLETE:
            text = pattern.sub(replacement, text)
        copy = scratch / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
        copies.append(copy)
    versions = [_VERSION.search(read_text(copy)) for copy in copies]
    first = next((version[1] for version in versions if version), None)
    dated = [copy for copy, version in zip(copies, versions, strict=True) if version]
    undated = [copy for copy, version in zip(copies, versions, strict=True) if not version]
    command = [str(executable("convert-ly")), "--edit", "--no-version", "--loglevel=ERROR"]
    runs: list[tuple[list[Path], list[str]]] = [(dated, []), (undated, [f"--from={first}"])]
    if in_steps and first:
        runs = []
        for copy, version in zip(copies, versions, strict=True):
            stated = version[1] if version else first
            if [int(number) for number in stated.split(".")] < _FAULTY_RULE:
                runs += [([copy], [f"--from={stated}", "--to=2.5.1"]), ([copy], ["--from=2.5.2"])]
            else:
                runs.append(([copy], [f"--from={stated}"]))
    for files, options in runs:
        if files and first:
            # A file that convert-ly stumbles over stays as it is; whether it engraves, the engraving shows.
            subprocess.run(
                [*command, *options, *map(str, files)],
                check=False,
                capture_output=True,
                timeout=_CONVERT_TIMEOUT_S,
            )
    return copies[0]
