"""Audio: golden values from definitions, exact trimming in every container, and what bad files say."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.audio.decode import read_samples, stated_duration_s
from earmark.audio.spectrogram import filterbank, spectrogram, spectrogram_blocks
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


def test_the_filterbank_is_madmoms() -> None:
    bank = filterbank()
    assert bank.shape == (1024, 92)
    np.testing.assert_allclose(bank.sum(axis=0), 1, rtol=1e-6)
    peaks = bank.argmax(axis=0)
    assert (np.diff(peaks) > 0).all()
    # 440 Hz is a band's centre and nearest to bin round(440 / 10.7666) = 41. Its neighbours among the centres
    # are 440 * 2^(-1/16) = 421.3 Hz (bin 39) and 440 * 2^(1/16) = 459.5 Hz (bin 43): weights 1/2, 1, 1/2.
    band = bank[:, list(peaks).index(41)]
    assert np.flatnonzero(band).tolist() == [40, 41, 42]
    np.testing.assert_allclose(band[40:43], [0.25, 0.5, 0.25], rtol=1e-6)


def test_a_pure_tone_has_the_value_of_its_window() -> None:
    # A sine of amplitude a on an FFT bin has magnitude a * sum(window) / 2 there and, as the Hann window's
    # kernel is (1/2, 1, 1/2), half of that beside it. For bin 41 and the weights above that is
    # a * 1023.5 / 2 * (0.25 * 0.5 + 0.5 * 1 + 0.25 * 0.5) = a * 383.8.
    amplitude = 0.01
    tone_hz = 41 * RATE / 2048
    tone = (amplitude * np.sin(2 * np.pi * tone_hz * np.arange(3 * RATE) / RATE)).astype(np.float32)
    frames = spectrogram(tone)
    assert frames.shape == (60, 92)
    assert frames.dtype == np.float32
    band = filterbank().argmax(axis=0).tolist().index(41)
    np.testing.assert_allclose(frames[2:-2, band], math.log10(1 + amplitude * 383.8), rtol=2e-3)
    assert (frames[30].argmax()) == band


def test_an_impulse_is_flat_and_as_high_as_the_window_there() -> None:
    # All bins of an impulse have its height times the window at its place: sin^2(pi n / 2047).
    samples = np.zeros(2 * RATE, np.float32)
    samples[RATE] = 1.0
    frames = spectrogram(samples)
    for frame in range(len(frames)):
        n = RATE - (math.floor(frame * 1102.5) - 1024)
        height = math.sin(math.pi * n / 2047) ** 2 if 0 <= n < 2048 else 0.0
        np.testing.assert_allclose(frames[frame], math.log10(1 + height), atol=1e-6)
    assert frames[:, 0].argmax() == 20  # the frame that is centred on one second


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (1102, 1), (1103, 2), (2205, 2), (2206, 3)])
def test_there_is_a_frame_for_every_hop_begun(samples: int, frames: int) -> None:
    assert spectrogram(np.zeros(samples, np.float32)).shape == (frames, 92)
    assert not spectrogram(np.zeros(samples, np.float32)).any()


@settings(max_examples=25)
@given(
    length=st.integers(0, 450_000),
    cuts=st.lists(st.integers(0, 450_000), max_size=6),
    block_frames=st.integers(1, 500),
)
def test_blocks_joined_are_the_whole_spectrogram(length: int, cuts: list[int], block_frames: int) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    whole = spectrogram(samples)
    chunks = np.split(samples, sorted(min(cut, length) for cut in cuts))
    blocks = list(spectrogram_blocks(chunks, block_frames))
    assert all(len(block) == block_frames for block in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate([np.zeros((0, 92), np.float32), *blocks]), whole)
    np.testing.assert_array_equal(spectrogram(chunks), whole)


def test_a_real_recording_has_a_plausible_spectrogram() -> None:
    path = Path(__file__).parents[3] / "shared" / "recordings" / "kv331-variation-1.flac"
    if not path.exists():
        pytest.skip("../shared/recordings is not here")
    frames = spectrogram(read_samples(path, 10.0, 14.0))
    assert frames.shape == (80, 92)
    assert 0.5 < frames.max() < 2.5
