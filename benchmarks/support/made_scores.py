"""Score files of every format, packing, encoding and line end, and MIDI files of every kind."""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.support.made import Made
from benchmarks.support.tunes import Tune, random_tune
from tests.audio.test_smf import BEAT, END, chunk, header, note
from tests.sheet.test_engrave import orchestra
from tests.sources.test_archives import packed as zipped

TEXTS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252")
XMLS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "iso-8859-1", "windows-1252", "iso-8859-15")
ENDS = {"unix": "\n", "windows": "\r\n", "mac": "\r"}
_LICENCE = "<!-- " + 600 * "licence text, " + "-->\n"
_PREAMBLES = {
    "xml": {
        "plain": "",
        "blank": "\n\n",
        "comment": _LICENCE,
        "doctype": '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD" "http://localhost/partwise.dtd">\n',
        "stylesheet": '<?xml-stylesheet href="none.xsl"?>\n',
    },
    "krn": {"plain": "", "blank": "\n \n", "comment": "!! a comment\n!!!COM: Bach, Johann Sebastian\n"},
    "abc": {"plain": "", "blank": "\n \n", "comment": "%abc-2.1\n% a comment\n\n", "field": "%%titleformat T\n\n"},
}
_CONTAINER = "META-INF/container.xml"


class Scores:
    """Makes files of random ``tunes``, another for each file."""

    def __init__(self, tunes: Sequence[Tune], rng: np.random.Generator) -> None:
        self._tunes, self._rng = tunes, rng

    def _drawn(self) -> Tune:
        return self._tunes[int(self._rng.integers(len(self._tunes)))]

    def _one_of(self, choices: Sequence[str]) -> str:
        return choices[int(self._rng.integers(len(choices)))]

    def texts(self) -> Iterator[Made]:
        """Every format in every encoding, with every preamble and every line end at least once."""
        for form in ("krn", "abc"):
            for encoding in TEXTS:
                for ending in ENDS:
                    preamble = self._one_of(list(_PREAMBLES[form]))
                    tune = self._drawn()
                    text = _PREAMBLES[form][preamble] + (tune.kern() if form == "krn" else tune.abc())
                    content = text.replace("\n", ENDS[ending]).encode(encoding)
                    name = f"{preamble}-{encoding}-{ending}.{self._one_of(('txt', 'abc')) if form == 'abc' else form}"
                    yield _file("score files", name, content, tune)
        for form in ("partwise", "timewise", "mei"):
            for encoding in XMLS:
                preamble = self._one_of(list(_PREAMBLES["xml"]))
                ending = self._one_of(list(ENDS))
                tune = self._drawn()
                content = _xml(tune, form, encoding, _PREAMBLES["xml"][preamble], ENDS[ending])
                suffix = self._one_of(("xml", "mei")) if form == "mei" else self._one_of(("xml", "musicxml"))
                yield _file("score files", f"{form}-{preamble}-{encoding}-{ending}.{suffix}", content, tune)
        for staves in (3, 8, 20, 30):
            content = orchestra(staves).encode()
            yield Made("score files", f"{staves}-staves.musicxml", partial(_write, content), pages=1, systems=1)

    def packed(self) -> Iterator[Made]:
        """MXL as programs pack it and as they should not; MuseScore's own files."""
        for form in ("partwise", "timewise"):
            for encoding in ("utf-8", "utf-16", "iso-8859-1"):
                for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    tune = self._drawn()
                    inside = self._one_of(("score.xml", "scores/a & b.musicxml", "très long.xml"))
                    root = f'<rootfile full-path="{inside.replace("&", "&amp;")}"/>'
                    if self._rng.random() < 0.5:
                        root = "<rootfile full-path='a.pdf' media-type='application/pdf'/>" + root
                    container = f"<container><rootfiles>{root}</rootfiles></container>".encode(encoding)
                    score = _xml(tune, form, encoding)
                    content = zipped({_CONTAINER: container, inside: score, "a.pdf": b"none"}, method)
                    yield _file("MXL, MuseScore", f"{form}-{encoding}-{method}.mxl", content, tune)
        tune = self._drawn()
        content = zipped({"score.xml": _xml(tune, "partwise", "utf-8")})
        yield _file("MXL, MuseScore", "no-container.mxl", content, tune)
        yield _refused("MXL, MuseScore", "cut.mxl", content[: len(content) // 2], "damaged or foreign MXL")
        yield _refused("MXL, MuseScore", "words-only.mxl", zipped({"notes.txt": b"words"}), "damaged or foreign MXL")
        yield _refused("MXL, MuseScore", "no-archive.mxl", b"PK\3\4" + bytes(range(200)), "damaged or foreign MXL")
        yield _refused("MXL, MuseScore", "score.mscz", zipped({"a.mscx": b"<museScore/>"}), "MuseScore")
        yield _refused("MXL, MuseScore", "score.mscx", b'<?xml version="1.0"?><museScore/>', "MuseScore")

    def books(self) -> Iterator[Made]:
        """ABC books: each tune is a piece; several voices; a tune without notes."""
        for tunes in (2, 3, 5):
            for encoding in ("utf-8", "latin-1", "utf-16"):
                ending = self._one_of(list(ENDS))
                texts = [
                    random_tune(self._rng, f"Kleines Stück {number}").abc(number) for number in range(1, tunes + 1)
                ]
                content = ("%abc-2.1\n\n" + "\n".join(texts)).replace("\n", ENDS[ending]).encode(encoding)
                suffix = self._one_of(("abc", "txt"))
                name = f"{tunes}-tunes-{encoding}-{ending}.{suffix}"
                yield Made("ABC books", name, partial(_write, content), pieces=tunes, pages=tunes)
        for number, voices in enumerate(("V:1\nC D E F|]\nV:2\nC,4|]\n", "[V:1]C D E F|]\n[V:2]C,4|]\n")):
            content = f"X:1\nT:Two voices\nL:1/4\nM:4/4\nK:C\n{voices}".encode()
            yield Made("ABC books", f"voices-{number}.abc", partial(_write, content), systems=1, says="other voices")

    def midis(self) -> Iterator[Made]:
        """Formats 0, 1 and 2, RMID, SMPTE clocks, foreign chunks, wrong counts, odd events, damage; percussion."""
        sound = self._midi
        files: dict[str, Callable[[bytes], bytes]] = {
            "format-0": lambda one: header() + one,
            "format-1": lambda one: header(1, 2) + chunk(END) + one,
            "format-1-many": lambda one: header(1, 40) + 39 * chunk(END) + one,
            "format-2": lambda one: header(2, 2) + one + chunk(END),
            "count-high": lambda one: header(1, 9) + one,
            "count-zero": lambda one: header(1, 0) + one,
            "long-header": lambda one: header(extra=b"more") + one,
            "foreign-first": lambda one: header() + chunk(b"anything", b"XFIH") + one,
            "foreign-last": lambda one: header() + one + chunk(b"\0\1", b"CASM"),
            "rubbish-last": lambda one: header() + one + bytes(range(128, 256)),
            "length-zero": lambda one: header() + b"MTrk" + bytes(4) + one[8:],
            "length-too-great": lambda one: header() + b"MTrk\x7f\xff\xff\xff" + one[8:],
            "preamble": lambda one: bytes(128) + header() + one,
            "no-end": lambda one: header() + chunk(one[8 : -len(END)]),
            "key-of-18-flats": lambda one: header() + chunk(b"\0\xff\x59\2\xee\1" + one[8:]),
            "key-of-one-byte": lambda one: header() + chunk(b"\0\xff\x59\1\0" + one[8:]),
            "time-of-two-bytes": lambda one: header() + chunk(b"\0\xff\x58\2\4\2" + one[8:]),
            "unknown-event": lambda one: header() + chunk(b"\0\xff\x6d\3abc" + one[8:]),
            "tempo-of-two-bytes": lambda one: header() + chunk(b"\0\xff\x51\2\1\2" + one[8:]),
            "tempo-zero": lambda one: header() + chunk(b"\0\xff\x51\3\0\0\0" + one[8:]),
            "system-exclusive": lambda one: header() + chunk(b"\0\xf0\3\x43\x12\xf7" + one[8:]),
            "lyrics-latin": lambda one: header() + chunk(b"\0\xff\5\4f\xfcr " + one[8:]),
            "division-zero": lambda one: header(division=0) + one,
            "smpte-24": lambda one: header(division=0xE828) + one,
            "smpte-30": lambda one: header(division=0xE228) + one,
            "drums-beside": lambda one: header(1, 2) + one + chunk(note(36, channel=9) + END),
            "late-damage": lambda one: header() + chunk(one[8:-4] + b"\0\xf5\xff\xff\xff"),
            "cut": lambda one: (header() + one)[: -len(one) // 5],
        }
        for name, made in files.items():
            yield sound(name, made)
        for ending in (".midi", ".kar", ".smf", ".MID", "", ".dat"):
            yield sound("named", lambda one: header() + one, ending)
        yield sound("riff", lambda one: b"RIFF" + bytes(4) + b"RMIDdata" + bytes(4) + header() + one, ".rmi")
        yield _refused("MIDI", "percussion.mid", header() + chunk(note(36, channel=9) + END), "has percussion only")
        yield _refused("MIDI", "no-notes.mid", header() + chunk(END), "has no notes")
        yield _refused("MIDI", "head-only.mid", header()[:9], "is no MIDI file, or a damaged one")

    def _midi(self, name: str, made: Callable[[bytes], bytes], ending: str = ".mid") -> Made:
        tune = self._drawn()
        track = chunk(b"".join(note(pitch, length=BEAT) for pitch in tune.pitches) + END)
        return Made("MIDI", name + ending, partial(_write, made(track)), asks=tune.title)


def _xml(tune: Tune, form: str, encoding: str, preamble: str = "", ending: str = "\n") -> bytes:
    declared = encoding.removesuffix("-sig").removesuffix("-be")
    text = tune.mei() if form == "mei" else tune.musicxml(timewise=form == "timewise")
    if preamble.startswith("\n"):
        text = f'{preamble}<?xml version="1.0" encoding="{declared}"?>\n{text}'
    else:
        text = f'<?xml version="1.0" encoding="{declared}"?>\n{preamble}{text}'
    text = text.replace("><measure", ">\n<measure").replace("\n", ending)
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    return mark + text.encode(encoding)


def _file(kind: str, name: str, content: bytes, tune: Tune) -> Made:
    return Made(kind, name, partial(_write, content), pages=1, asks=tune.title)


def _refused(kind: str, name: str, content: bytes, says: str) -> Made:
    return Made(kind, name, partial(_write, content), pieces=0, says=says)


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)
