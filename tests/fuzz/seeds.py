"""Small good files of every kind that Earmark reads, made here."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import mido
import numpy as np
from PIL import Image

from earmark.library.library import Library
from earmark.model.encoders import WEIGHTS
from tests.conftest import KERN, Music
from tests.fake_encoders import FakeEncoders

MUSIC = Music()
SECOND = 22_050
ABC = "X:1\nT:Tune\nC:A. Body\nM:3/4\nL:1/4\nK:G\nD G B | d2 G | e c A | G3 |]\nw: a b c d e f g h i\n"
MUSICXML = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="4.0"><work><work-title>Prelude</work-title></work>
<part-list><score-part id="P1"><part-name>Piano</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>2</divisions><key><fifths>-3</fifths></key><time>
<beats>4</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes><note><pitch><step>C</step>
<octave>5</octave></pitch><duration>4</duration><type>half</type><tie type="start"/></note><note><chord/><pitch>
<step>E</step><octave>5</octave></pitch><duration>4</duration><type>half</type></note><note><rest/><duration>4</duration>
</note></measure><measure number="2"><note><pitch><step>G</step><octave>4</octave></pitch><duration>8</duration>
<type>whole</type></note></measure></part></score-partwise>
"""
MEI = """<?xml version="1.0" encoding="UTF-8"?>
<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt><title>T</title>
</titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score><scoreDef meter.count="4" meter.unit="4"><staffGrp>
<staffDef n="1" lines="5" clef.shape="G" clef.line="2"/></staffGrp></scoreDef><section><measure n="1"><staff n="1">
<layer n="1"><note xml:id="a" dur="2" oct="4" pname="c"/><chord dur="2"><note oct="4" pname="e"/><note oct="5"
pname="g"/></chord></layer></staff><slur startid="#a" endid="#a"/></measure></section></score></mdiv></body></music>
</mei>
"""
MANIFEST = {
    "@context": "http://iiif.io/api/presentation/3/context.json",
    "id": "https://example.org/manifest",
    "type": "Manifest",
    "label": {"en": ["Book"]},
    "items": [
        {
            "id": f"https://example.org/canvas/{number}",
            "type": "Canvas",
            "height": 1000,
            "width": 700,
            "items": [
                {
                    "type": "AnnotationPage",
                    "items": [
                        {
                            "type": "Annotation",
                            "motivation": "painting",
                            "body": {
                                "id": f"https://example.org/{number}.jpg",
                                "type": "Image",
                                "format": "image/jpeg",
                                "service": [{"id": "https://example.org/iiif", "type": "ImageService3"}],
                            },
                        }
                    ],
                }
            ],
        }
        for number in (1, 2)
    ],
}


def _image(kind: str, **options: object) -> Callable[[Path], bytes]:
    def made(folder: Path) -> bytes:
        memory = io.BytesIO()
        page = Image.fromarray(MUSIC.pages(MUSIC.melody(0, 12))[0][100:360, :600])
        page.save(memory, kind, **options)
        return memory.getvalue()

    return made


def _tiff(folder: Path) -> bytes:
    memory = io.BytesIO()
    pages = [Image.fromarray(page[:360, :400]) for page in MUSIC.pages(MUSIC.melody(0, 80))]
    pages[0].save(memory, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    return memory.getvalue()


def _pdf(folder: Path) -> bytes:
    return MUSIC.write_pdf(folder / "seed.pdf", MUSIC.melody(0, 12)).read_bytes()


def _drawn_pdf(folder: Path) -> bytes:
    """A page of lines and letters, not of an image."""
    lines = " ".join(f"50 {y + 6 * line} m 540 {y + 6 * line} l S" for y in (500, 600) for line in range(5))
    content = f"{lines} BT /F1 24 Tf 200 700 Td (Prelude) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % one for one in enumerate(objects, start=1))
    return b"%PDF-1.4\n" + body + b"trailer\n<</Size 6/Root 1 0 R>>\n%%EOF"


def _sound(codec: str, container: str, layout: str = "stereo", rate: int = 44_100) -> Callable[[Path], bytes]:
    def made(folder: Path) -> bytes:
        path = folder / "seed.sound"
        time_s = np.arange(rate) / rate
        tone = (0.3 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
        with av.open(str(path), "w", format=container) as output:
            stream: Any = output.add_stream(codec, rate=rate, layout=layout)
            channels = 1 if layout == "mono" else 2
            frame = av.AudioFrame.from_ndarray(np.tile(tone, (channels, 1)), "fltp", layout)
            frame.sample_rate = rate
            resampler = av.AudioResampler(stream.format.name, layout, rate, stream.frame_size or None)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(part))
            output.mux(stream.encode(None))
        return path.read_bytes()

    return made


def _midi(folder: Path) -> bytes:
    file = mido.MidiFile(ticks_per_beat=96)
    for channel in (0, 9):
        track = mido.MidiTrack()
        track += [mido.MetaMessage("set_tempo", tempo=400_000), mido.MetaMessage("key_signature", key="Eb")]
        track += [mido.MetaMessage("time_signature", numerator=3), mido.MetaMessage("track_name", name="Right")]
        for pitch in (60, 64, 67):
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=80, time=0))
            track.append(mido.Message("control_change", channel=channel, control=64, value=100, time=10))
            track.append(mido.Message("note_off", channel=channel, note=pitch, time=96))
        file.tracks.append(track)
    memory = io.BytesIO()
    file.save(file=memory)
    return memory.getvalue()


def _mxl(folder: Path) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        container = '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("score.xml", MUSICXML)
    return memory.getvalue()


def _model_json(folder: Path) -> bytes:
    return (WEIGHTS / "earmark-2" / "model.json").read_bytes()


def _library(folder: Path) -> bytes:
    scores = MUSIC.write_scores(folder / "scores", 2, 24)
    with Library.open(folder / "library", FakeEncoders()) as library:
        library.add(scores)
    database = sqlite3.connect(folder / "library" / "library.sqlite")
    database.execute("PRAGMA journal_mode = DELETE")  # all in one file
    database.close()
    content = (folder / "library" / "library.sqlite").read_bytes()
    shutil.rmtree(folder / "library")
    return content


def _text(content: str) -> Callable[[Path], bytes]:
    return lambda folder: content.encode()


def _pcm(folder: Path) -> bytes:
    """A WAV file whose head is as plain as can be."""
    samples = (np.sin(np.arange(SECOND) / 8) * 9000).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, SECOND, 2 * SECOND, 2, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


SEEDS: dict[str, Callable[[Path], bytes]] = {
    "page.png": _image("PNG"),
    "page.jpg": _image("JPEG"),
    "page.webp": _image("WEBP"),
    "page.tif": _tiff,
    "page.pdf": _pdf,
    "drawn.pdf": _drawn_pdf,
    "sound.wav": _pcm,
    "sound.flac": _sound("flac", "flac"),
    "sound.mp3": _sound("libmp3lame", "mp3"),
    "sound.ogg": _sound("libopus", "ogg", rate=48_000),
    "sound.m4a": _sound("aac", "mp4"),
    "sound.mkv": _sound("pcm_s16le", "matroska", "mono"),
    "song.mid": _midi,
    "score.musicxml": _text(MUSICXML),
    "score.mxl": _mxl,
    "score.mei": _text(MEI),
    "score.krn": _text(KERN),
    "score.abc": _text(ABC),
    "manifest.json": _text(json.dumps(MANIFEST, indent=1)),
    "model.json": _model_json,
    "library.sqlite": _library,
}
"""By names that tell what they are."""


def write_seeds(folder: Path) -> dict[str, bytes]:
    """Their contents; ``folder`` must be empty."""
    return {name: made(folder) for name, made in SEEDS.items()}
