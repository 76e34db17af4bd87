"""Score files are read whatever they are packed in, encoded with and begin with."""

from __future__ import annotations

import codecs
import sys
import zipfile
from pathlib import Path

import pytest

from earmark.errors import BadInput
from earmark.sheet import musescore
from earmark.sheet.engrave import engraved
from earmark.sheet.formats import kind
from earmark.sheet.score_text import VOICES, count_tunes, decode, read_score_text

TITLE = "Für Élise"
KERN = f"!!!OTL: {TITLE}\n**kern\n*clefG2\n*M4/4\n=1\n4c\n4d\n4e\n4f\n==\n*-\n"
TUNE = f"X:1\nT:{TITLE}\nM:4/4\nL:1/4\nK:C\nC D E F|]\n"
NOTE = "<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><type>whole</type></note>"
ATTRIBUTES = (
    "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>"
    "<clef><sign>G</sign><line>2</line></clef></attributes>"
)
HEAD = (
    f"<work><work-title>{TITLE}</work-title></work>"
    '<part-list><score-part id="P1"><part-name>A</part-name></score-part>'
    '<score-part id="P2"><part-name>B</part-name></score-part></part-list>'
)
PARTWISE = (
    f'<score-partwise version="4.0">{HEAD}'
    + "".join(
        f'<part id="{part}"><measure number="7">{ATTRIBUTES}{NOTE}</measure><measure number="8">{NOTE}</measure></part>'
        for part in ("P1", "P2")
    )
    + "</score-partwise>"
)
TIMEWISE = (
    f'<score-timewise version="4.0">{HEAD}<measure number="7">'
    + "".join(f'<part id="{part}">{ATTRIBUTES}{NOTE}</part>' for part in ("P1", "P2"))
    + '</measure><measure number="8">'
    + "".join(f'<part id="{part}">{NOTE}</part>' for part in ("P1", "P2"))
    + "</measure></score-timewise>"
)
MEI = (
    '<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt>'
    f"<title>{TITLE}</title></titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score><scoreDef>"
    '<staffGrp><staffDef n="1" lines="5" clef.shape="G" clef.line="2"/></staffGrp></scoreDef><section>'
    '<measure n="7"><staff n="1"><layer n="1"><note pname="c" oct="4" dur="1"/></layer></staff></measure>'
    "</section></score></mdiv></body></music></mei>"
)
ENTITY = (
    '<?xml version="1.0"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    f'"http://localhost/partwise.dtd" [<!ENTITY name "{TITLE}"> <!ENTITY file SYSTEM "file:///etc/passwd">]>\n'
) + PARTWISE.replace(TITLE, "&name; &amp; &file;")
LICENCE = "<!-- " + 500 * "licence text, " + " -->\n"


def engraved_title(path: Path) -> tuple[str, int]:
    """Title and number of systems."""
    with engraved(path) as engraving:
        return engraving.title, sum(len(page.systems) for page in engraving.read())


def xml(text: str, encoding: str) -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'.encode(encoding)


FILES: dict[str, bytes] = {
    "plain.krn": KERN.encode(),
    "latin.krn": KERN.encode("latin-1"),
    "mac.krn": KERN.replace("\n", "\r").encode(),
    "mark.krn": codecs.BOM_UTF8 + KERN.encode(),
    "blank-first.krn": b"\n\n!! a comment\n" + KERN.encode(),
    "plain.abc": TUNE.encode(),
    "windows.abc": TUNE.replace("\n", "\r\n").encode("cp1252"),
    "mark.abc": codecs.BOM_UTF8 + TUNE.encode(),
    "utf-16.abc": TUNE.encode("utf-16"),
    "blank-first.abc": b"\n \n" + TUNE.encode(),
    "comment-first.abc": b"%abc-2.1\n% tunes\n\n" + TUNE.encode(),
    "named.abc": b"%%abc-charset iso-8859-1\n\n" + TUNE.encode("latin-1"),
    "no-number.abc": TUNE.partition("\n")[2].encode(),
    "tune.txt": TUNE.encode(),
    "partwise.musicxml": xml(PARTWISE, "utf-8"),
    "timewise.musicxml": xml(TIMEWISE, "utf-8"),
    "latin.xml": xml(PARTWISE, "iso-8859-1"),
    "utf-16.xml": xml(PARTWISE, "utf-16"),
    "no-mark.xml": xml(PARTWISE, "utf-16-be"),
    "says-utf-8.xml": xml(PARTWISE, "utf-8").decode().encode("latin-1"),
    "blank-first.xml": b"\n\n" + xml(PARTWISE, "utf-8"),
    "licence-first.xml": (LICENCE + PARTWISE).encode(),
    "doctype.xml": (
        '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD" "http://localhost/partwise.dtd" [<!ENTITY a "b">]>'
        + PARTWISE
    ).encode(),
    "plain.mei": MEI.encode(),
    "licence-first.mei": (LICENCE + MEI).encode(),
    "utf-16.mei": xml(MEI, "utf-16"),
    "named-otherwise.musicxml": MEI.encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_a_score_is_read_in_any_dress(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    assert kind(path) == "notation"
    assert engraved_title(path) == (TITLE, 1)


def test_entities_are_what_the_document_type_says_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.musicxml"
    path.write_text(ENTITY, encoding="utf-8")
    assert engraved_title(path) == (f"{TITLE} & &file;", 1)
    path.write_text(ENTITY.replace(TITLE, 30_000 * "long ").replace("&amp;", 400 * "&name;"), encoding="utf-8")
    with pytest.raises(BadInput, match="is larger than 50 MB"):
        read_score_text(path)


def test_timewise_music_is_that_of_the_same_partwise_file(tmp_path: Path) -> None:
    heads = []
    for name, text in (("a", PARTWISE), ("b", TIMEWISE)):
        (tmp_path / f"{name}.musicxml").write_text(text, encoding="utf-8")
        with engraved(tmp_path / f"{name}.musicxml") as engraving:
            heads.append([(head.staff, head.x_px, head.y_px) for page in engraving.read() for head in page.noteheads])
    assert len(heads[0]) == 4
    assert heads[0] == heads[1]


def test_mxl_is_read_by_its_containers_media_types(tmp_path: Path) -> None:
    container = (
        "<container><rootfiles><rootfile media-type='application/pdf' full-path='a.xml'/>"
        '<rootfile full-path="parts/b &amp; c.xml" media-type="application/vnd.recordare.musicxml+xml"/>'
        "</rootfiles></container>"
    )
    with zipfile.ZipFile(tmp_path / "a.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", "no score")
        archive.writestr("META-INF/container.xml", container.encode("utf-16"))
        archive.writestr("parts/b & c.xml", xml(PARTWISE, "utf-16"))
    assert engraved_title(tmp_path / "a.mxl") == (TITLE, 1)


def zipped(path: Path, name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
    return path.read_bytes()


@pytest.mark.parametrize("damage", ["version", "size", "cut", "encrypted", "no score"])
def test_a_bad_mxl_is_one_line(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.mxl"
    data = bytearray(zipped(path, "notes.txt" if damage == "no score" else "score.xml", PARTWISE.encode()))
    central = data.index(b"PK\1\2")
    if damage == "version":
        data[central + 6] = data[4] = 99
    if damage == "size":
        data[central + 24 : central + 28] = b"\1\0\0\0"
    if damage == "encrypted":
        data[central + 8] |= 1
        data[6] |= 1
    path.write_bytes(data[: len(data) // 2] if damage == "cut" else data)
    with pytest.raises(BadInput, match=r"bad\.mxl: is a damaged or foreign MXL archive; export it again"):
        read_score_text(path)


def test_a_files_header_is_every_tunes(tmp_path: Path) -> None:
    path = tmp_path / "book.abc"
    path.write_text(f"%%titleformat T\nM:3/4\nfree text\n\n{TUNE}\nmore text\n\n{TUNE}", encoding="utf-8")
    texts = read_score_text(path).texts
    assert len(texts) == count_tunes(path) == 2
    assert all(text.startswith("%%titleformat T\nM:3/4\nX:1\n") for text in texts)


@pytest.mark.parametrize(("content", "text"), [(b"", ""), (b"\xff", "ÿ"), (b"a\x81b", "a\x81b"), (b"abc\0d", "abcd")])
def test_no_bytes_are_too_odd_to_be_text(content: bytes, text: str) -> None:
    assert decode(content) == text


@pytest.mark.parametrize("named", ["idna", "zlib", "no-such-charset", "utf-16"])
def test_a_charset_that_is_none_is_not_believed(named: str) -> None:
    assert decode(f'<?xml version="1.0" encoding="{named}"?><mei/>'.encode()).endswith("<mei/>")


@pytest.mark.parametrize("content", [b"<html/>", b"<opus><score/></opus>", b"**bold** words", b"<!-- never ended"])
def test_what_is_no_score_is_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(content)
    assert kind(path) is None


def test_musescores_files_are_exported_by_musescore_or_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mscz"
    path.write_bytes(zipped(tmp_path / "a.zip", "a.mscx", b"<museScore/>"))
    assert kind(path) == "notation"
    monkeypatch.setattr(musescore, "_COMMANDS", ("no-such-musescore",))
    monkeypatch.setattr(musescore, "_PLACES", ())
    with pytest.raises(BadInput, match=r"is a MuseScore file, and MuseScore is not .+ \(File > Export > MusicXML\)"):
        read_score_text(path)
    command = tmp_path / "musescore"
    command.write_text(
        f"#!{sys.executable}\nimport sys\nopen(sys.argv[2], 'w').write({PARTWISE!r})\n", encoding="utf-8"
    )
    command.chmod(0o755)
    monkeypatch.setattr(musescore, "_COMMANDS", (str(command),))
    if sys.platform != "win32":
        assert engraved_title(path) == (TITLE, 1)
        command.write_text(f"#!{sys.executable}\nraise SystemExit(1)\n", encoding="utf-8")
        with pytest.raises(BadInput, match="cannot be exported by MuseScore"):
            read_score_text(path)


@pytest.mark.parametrize(
    "tune",
    [
        "X:1\nV:1 clef=treble\nV:2\nK:C\nV:1\nC D E F|\nV:2\nC,4|\nV:1\nG A B c|]\nw:some words\nV:2\nG,4|]\n",
        "X:1\nK:C\n[V:1]C D E F|\n[V:2]C,4|\n[V:1] G A B c|]\nw:some words\n[V:2 clef=bass]G,4|]\n",
    ],
)
def test_of_several_voices_of_a_tune_the_first_is_read(tune: str, tmp_path: Path) -> None:
    path = tmp_path / "voices.abc"
    path.write_text(tune, encoding="utf-8")
    score = read_score_text(path)
    assert score.unread == (VOICES,)
    assert [line.strip() for line in score.texts[0].splitlines()] == [
        "X:1",
        "K:C",
        "C D E F|",
        "G A B c|]",
        "w:some words",
    ]
    with engraved(path) as engraving:
        (page,) = engraving.read()
    assert page.unread == {VOICES}
    assert [measure.number for measure in page.measures[0]] == ["1", "2"]
    path.write_text("X:1\nV:1\nK:C\nV:1\nC D|]\n", encoding="utf-8")
    assert read_score_text(path).unread == ()
