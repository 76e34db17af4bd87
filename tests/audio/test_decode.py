"""Audio: golden values from definitions, exact trimming in every container, and what bad files say."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from earmark.audio.decode import read_samples, stated_duration_s
from earmark.errors import BadInput
from earmark.schema import FloatArray

RATE = 22_050
SECONDS = 6.0

# Container, codec, sample rate, channels; the last is a video's sound track.
FORMATS = {
    "wav": ("wav", "pcm_s16le", 44_100, 2),
    "wav-8k": ("wav", "pcm_s16le", 8_000, 1),
    "flac": ("flac", "flac", 96_000, 2),
    "mp3": ("mp3", "libmp3lame", 44_100, 2),
    "ogg": ("ogg", "vorbis", 48_000, 2),
    "opus": ("ogg", "libopus", 48_000, 2),
    "m4a": ("mp4", "aac", 44_100, 1),
    "aac": ("adts", "aac", 44_100, 2),
    "aac-8k": ("adts", "aac", 8_000, 1),
    "webm": ("webm", "libopus", 48_000, 2),
    "mkv": ("matroska", "flac", 44_100, 2),
    "mp4": ("mp4", "aac", 48_000, 2),
}
LOSSLESS = {"wav", "wav-8k", "flac", "mkv"}


def music(rate: int) -> FloatArray:
    """Six seconds of notes with sharp onsets, the same at every sample rate: float32 [n] in [-0.6, 0.6]."""
    t = np.arange(round(SECONDS * rate)) / rate
    sound = np.zeros_like(t)
    for note in range(24):
        since = t - 0.25 * note
        pitch_hz = 220 * 2 ** ((note * 7 % 24) / 12)
        decay = np.where(since >= 0, np.exp(-8 * np.maximum(since, 0)), 0)
        sound += decay * np.sin(2 * np.pi * pitch_hz * since)
    return (0.4 * sound).astype(np.float32)


def write(path: Path, name: str) -> None:
    container_name, codec, rate, channels = FORMATS[name]
    sound = music(rate)
    layout = "stereo" if channels == 2 else "mono"
    with av.open(str(path), "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=rate, options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        if name == "mp4":
            film = container.add_stream("mpeg4", rate=10)
            film.width, film.height, film.pix_fmt = 32, 32, "yuv420p"
            for number in range(round(SECONDS * 10)):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                picture.pts, picture.time_base = number, Fraction(1, 10)
                container.mux(film.encode(picture))
            container.mux(film.encode())
        values = np.round(np.stack([sound] * channels, axis=1).reshape(1, -1) * 32767).astype(np.int16)
        step = 1000 * channels
        for start in range(0, values.shape[1], step):
            frame = av.AudioFrame.from_ndarray(values[:, start : start + step], format="s16", layout=layout)
            frame.sample_rate = rate
            frame.pts, frame.time_base = start // channels, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture(scope="module", params=FORMATS)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    name: str = request.param
    path = tmp_path_factory.mktemp("audio") / f"sound.{name}"
    write(path, name)
    return name, path


def joined(path: Path, start_s: float = 0.0, end_s: float | None = None) -> FloatArray:
    return np.concatenate(list(read_samples(path, start_s, end_s)))


def test_every_container_gives_the_sound_at_its_time(recording: tuple[str, Path]) -> None:
    name, path = recording
    expected = music(RATE)
    heard = joined(path)
    assert heard.dtype == np.float32
    container, _, rate, _ = FORMATS[name]
    if container == "adts":  # no place to declare the encoder's delay
        heard = heard[round(1024 * RATE / rate) :]
    assert len(heard) == pytest.approx(len(expected), abs=0.06 * RATE)
    length = min(len(heard), len(expected))
    spectrum = np.fft.rfft(heard[:length], 2 * length) * np.conj(np.fft.rfft(expected[:length], 2 * length))
    correlation = np.fft.irfft(spectrum)
    lag = int(np.argmax(correlation))
    lag -= 2 * length if lag > length else 0
    assert abs(lag) <= 2
    assert correlation.max() / np.sum(expected**2) > 0.94


@pytest.mark.parametrize(("start_s", "end_s"), [(0.5, 1.25), (3.0001, 4.51237), (4.2, None), (5.9, 100.0)])
def test_a_range_is_exactly_that_of_the_whole_file(
    recording: tuple[str, Path], start_s: float, end_s: float | None
) -> None:
    name, path = recording
    whole = joined(path)
    part = joined(path, start_s, end_s)
    expected = whole[round(start_s * RATE) : None if end_s is None else round(end_s * RATE)]
    assert part.shape == expected.shape
    # Lossy decoders fill bands with random noise (AAC's PNS), so that no two runs are quite the same.
    allowed = 1e-6 if name in LOSSLESS else 0.02 * np.abs(expected).max()
    np.testing.assert_allclose(part, expected, rtol=0, atol=allowed)


def test_the_stated_length_is_about_the_real_one(recording: tuple[str, Path]) -> None:
    name, path = recording
    stated_s = stated_duration_s(path)
    if FORMATS[name][0] == "adts":  # a bare stream: its bit rate makes a rough guess
        assert stated_s is None or 0 < stated_s < 4 * SECONDS
    else:
        assert stated_s == pytest.approx(SECONDS, abs=0.2)


def test_stereo_becomes_the_mean_of_both_sides(tmp_path: Path) -> None:
    sides = np.zeros((1, 2 * RATE), np.float32)
    sides[0, ::2], sides[0, 1::2] = 0.5, 0.1
    path = tmp_path / "sides.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(sides, format="flt", layout="stereo")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    heard = joined(path)
    assert len(heard) == RATE
    np.testing.assert_allclose(heard, 0.3, atol=1e-6)


def test_a_stream_may_change_its_rate_and_channels_on_the_way(tmp_path: Path) -> None:
    write(tmp_path / "one.aac", "aac")
    write(tmp_path / "other.aac", "aac-8k")
    one, other = joined(tmp_path / "one.aac"), joined(tmp_path / "other.aac")
    both = tmp_path / "both.aac"
    both.write_bytes((tmp_path / "one.aac").read_bytes() + (tmp_path / "other.aac").read_bytes())
    heard = joined(both)
    assert len(heard) == pytest.approx(len(one) + len(other), abs=0.2 * RATE)
    later = heard[-len(other) :]
    assert np.corrcoef(later, other)[0, 1] > 0.98


def test_a_file_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    write(tmp_path / "whole.mp3", "mp3")
    data = (tmp_path / "whole.mp3").read_bytes()
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(data[: len(data) // 2])
    assert len(joined(cut)) == pytest.approx(SECONDS / 2 * RATE, abs=0.2 * RATE)


def test_a_name_is_never_taken_for_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "concat:me.wav", "wav")
    assert len(joined(Path("concat:me.wav"))) == SECONDS * RATE


BAD_FILES = {
    "empty.wav": (b"", "is empty"),
    "empty.flac": (b"", "is empty"),
    "text.mp3": (b"This is not a recording at all.\n" * 50, "is not a recording"),
    "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "is not a recording|no sound track|no sound that"),
    "cut.m4a": (
        b"\x00\x00\x00\x1cftypM4A \x00\x00\x02\x00M4A isomiso2" + bytes(64),
        "not a recording|no sound",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, name: str) -> None:
    data, message = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BadInput, match=message) as error:
        joined(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_missing_file_and_a_folder_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        joined(tmp_path / "none.wav")
    with pytest.raises(BadInput, match="is a folder"):
        joined(tmp_path)


def test_a_range_outside_of_the_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    write(path, "wav")
    with pytest.raises(BadInput, match=r"ends at 6\.0 s, before the start at 7"):
        joined(path, 7.0)
    with pytest.raises(BadInput, match="start before the end"):
        joined(path, 3.0, 2.0)


def test_a_video_without_sound_has_no_sound_track(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        blank = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(blank), *stream.encode()])
    with pytest.raises(BadInput, match="has no sound track"):
        joined(path)
