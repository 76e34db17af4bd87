"""Which of a file's sound is heard, and when: tracks, channels, pauses, links, ends and tags."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from earmark.audio.decode import read_samples, read_tags, stated_duration_s
from earmark.audio.track import Tags
from earmark.errors import BadInput
from earmark.schema import FloatArray
from tests.audio.sounds import tone, write

RATE = 22_050


def joined(path: Path, start_s: float = 0.0, end_s: float | None = None) -> FloatArray:
    return np.concatenate(list(read_samples(path, start_s, end_s)))


def pitch_hz(samples: FloatArray) -> float:
    """The loudest frequency."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


def loudness(samples: FloatArray) -> float:
    """RMS; 0.21 for `tone`."""
    return float(np.sqrt(np.mean(samples**2)))


def onset_s(samples: FloatArray) -> float:
    return float(np.argmax(np.abs(samples) > 0.05) / RATE)


def test_channels_that_cancel_each_other_are_heard(tmp_path: Path) -> None:
    sound = tone(440, 4, channels=2) * np.array([[1, -1]], np.float32)
    sound[: 2 * 44_100, 1] *= -1  # the first half does not cancel
    path = write(tmp_path / "a.flac", sound, "flac", "flac")
    heard = joined(path)
    assert loudness(heard[:RATE]) == pytest.approx(0.21, abs=0.01)
    assert loudness(heard[3 * RATE :]) == pytest.approx(0.21, abs=0.01)
    np.testing.assert_allclose(joined(path, 2.6, 3.9), heard[round(2.6 * RATE) : round(3.9 * RATE)], atol=1e-6)


def test_a_channel_the_wrong_way_round_among_many_is_no_reason_to_drop_the_others(tmp_path: Path) -> None:
    left, right = tone(440, 2), 0.5 * tone(660, 2)
    heard = joined(write(tmp_path / "a.flac", np.concatenate([left, right], axis=1), "flac", "flac"))
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum[2 * 440] > 0.1 * spectrum.max()
    assert spectrum[2 * 660] > 0.1 * spectrum.max()


@pytest.mark.parametrize(
    ("name", "codec", "container", "channels"),
    [("a.wav", "pcm_s16le", "wav", 9), ("a.opus", "libopus", "ogg", 16), ("a.wv", "wavpack", "wv", 24)],
)
def test_any_number_of_channels_is_heard(tmp_path: Path, name: str, codec: str, container: str, channels: int) -> None:
    options = {"mapping_family": "255"} if codec == "libopus" else {}
    sound = tone(440, 6, 48_000, channels)
    path = write(
        tmp_path / name,
        sound,
        codec,
        container,
        48_000,
        layout=f"{channels}C" if channels == 9 else f"{channels}c",
        options=options,
    )
    assert loudness(joined(path)) == pytest.approx(0.21, abs=0.01)
    assert loudness(joined(path, 3.3, 5.0)) == pytest.approx(0.21, abs=0.01)


def test_what_is_no_number_is_silence(tmp_path: Path) -> None:
    sound = tone(440, 2)
    sound[: len(sound) // 2] = np.nan
    sound[10] = np.inf
    heard = joined(write(tmp_path / "a.wav", sound, "pcm_f32le", "wav"))
    assert np.isfinite(heard).all()
    assert onset_s(heard) == pytest.approx(1.0, abs=0.01)


def test_the_default_track_is_heard_of_several(tmp_path: Path) -> None:
    tracks = [tone(440, 2), tone(660, 2)]
    for default, hz in ((0, 440), (1, 660)):
        path = write(tmp_path / f"{default}.mka", tracks, "flac", "matroska", default=default)
        assert pitch_hz(joined(path)) == pytest.approx(hz, abs=2)


def test_the_sounding_track_is_heard_where_the_default_is_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mka", [0 * tone(440, 2), tone(660, 2)], "flac", "matroska", default=0)
    assert pitch_hz(joined(path)) == pytest.approx(660, abs=2)
    assert stated_duration_s(path) == pytest.approx(2.0, abs=0.1)


def test_tracks_that_are_all_silent_are_silence(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mka", [0 * tone(440, 2), 0 * tone(440, 2)], "flac", "matroska")
    assert loudness(joined(path)) < 1e-4


@pytest.mark.parametrize(("name", "codec", "container"), [("a.mp4", "aac", "mp4"), ("a.mkv", "flac", "matroska")])
def test_times_are_the_files_where_the_sound_begins_after_the_picture(
    tmp_path: Path, name: str, codec: str, container: str
) -> None:
    sound = tone(440, 8, 48_000)
    sound[: 4 * 48_000] = 0
    path = write(tmp_path / name, sound, codec, container, 48_000, starts_s=[3.5], picture_s=12)
    whole = joined(path)
    assert len(whole) == pytest.approx(11.5 * RATE, abs=0.06 * RATE)
    assert onset_s(whole) == pytest.approx(7.5, abs=0.01)
    assert onset_s(joined(path, 6.0, 9.0)) == pytest.approx(1.5, abs=0.01)
    assert loudness(joined(path, 0.0, 2.0)) == 0
    np.testing.assert_allclose(joined(path, 7.2, 10.1), whole[round(7.2 * RATE) : round(10.1 * RATE)], atol=0.02)


@pytest.mark.parametrize(("name", "codec", "container"), [("a.mov", "pcm_s16le", "mov"), ("a.mkv", "flac", "matroska")])
def test_a_picture_that_goes_on_after_the_sound_is_no_breaking_off(
    tmp_path: Path, name: str, codec: str, container: str
) -> None:
    path = write(tmp_path / name, tone(440, 3, 48_000), codec, container, 48_000, picture_s=8)
    remarks: list[str] = []
    assert sum(map(len, read_samples(path, remark=remarks.append))) == pytest.approx(3 * RATE, abs=0.1 * RATE)
    assert remarks == []


def test_a_pause_in_a_track_is_silent(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{name}.mka", tone(440, 2), "flac", "matroska") for name in "ab"]
    path = tmp_path / "paused.mka"
    with av.open(str(path), "w", format="matroska") as out:
        stream = None
        for part, later_s in zip(parts, (0, 7), strict=True):
            with av.open(str(part)) as source:
                stream = stream or out.add_stream_from_template(source.streams.audio[0])
                for packet in source.demux(audio=0):
                    if packet.dts is not None and packet.pts is not None and packet.time_base:
                        packet.pts += round(later_s / packet.time_base)
                        packet.dts += round(later_s / packet.time_base)
                        packet.stream = stream
                        out.mux(packet)
    whole = joined(path)
    assert len(whole) == pytest.approx(9 * RATE, abs=0.1 * RATE)
    assert loudness(whole[3 * RATE : 6 * RATE]) == 0
    assert loudness(whole[round(7.2 * RATE) :]) == pytest.approx(0.21, abs=0.01)


CHAINS = {
    "other rate": ("vorbis", 48_000, 2),
    "same format": ("vorbis", 44_100, 2),
    "other channels": ("flac", 44_100, 1),
    "other codec": ("libopus", 48_000, 1),
}


@pytest.mark.parametrize("name", CHAINS)
def test_all_links_of_a_chained_ogg_file_are_heard(tmp_path: Path, name: str) -> None:
    codec, rate, channels = CHAINS[name]
    one = write(tmp_path / "1.ogg", tone(440, 4, channels=2), "vorbis", "ogg")
    two = write(tmp_path / "2.ogg", tone(660, 3, rate, channels), codec, "ogg", rate)
    path = tmp_path / "both.ogg"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    whole = joined(path)
    assert len(whole) == pytest.approx(7 * RATE, abs=0.1 * RATE)
    assert pitch_hz(whole[: 3 * RATE]) == pytest.approx(440, abs=2)
    assert pitch_hz(whole[-2 * RATE :]) == pytest.approx(660, abs=2)
    assert pitch_hz(joined(path, 5.0, 6.0)) == pytest.approx(660, abs=2)
    assert stated_duration_s(path) == pytest.approx(7, abs=0.2)


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("a.flac", "flac", "flac"), ("a.mov", "pcm_s16le", "mov"), ("a.mka", "flac", "matroska")],
)
def test_a_file_that_breaks_off_is_heard_and_said_to(tmp_path: Path, name: str, codec: str, container: str) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (6 * 44_100, 1)).astype(np.float32)
    whole = write(tmp_path / name, noise, codec, container, container_options={"movflags": "faststart"})
    remarks: list[str] = []
    assert sum(map(len, read_samples(whole, remark=remarks.append))) == 6 * RATE
    assert remarks == []
    cut = tmp_path / f"cut-{name}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    heard = sum(map(len, read_samples(cut, remark=remarks.append))) / RATE
    assert heard == pytest.approx(3, abs=0.3)
    assert remarks == [f"breaks off after {heard:.1f} s of 6.0 s"]
    remarks.clear()
    list(read_samples(cut, 0.0, 1.0, remarks.append))
    assert remarks == []


def test_tags_name_a_recording(tmp_path: Path) -> None:
    tags = {"title": "Für Elise", "artist": "A. Player", "album": "Evenings"}
    for name, codec, container in (("a.flac", "flac", "flac"), ("a.ogg", "vorbis", "ogg"), ("a.m4a", "aac", "ipod")):
        path = write(tmp_path / name, tone(440, 1, channels=2), codec, container, tags=tags)
        assert read_tags(path) == Tags("Für Elise (Evenings)", "A. Player")
    tags["composer"] = "Ludwig van Beethoven"
    path = write(tmp_path / "b.flac", tone(440, 1), "flac", "flac", tags=tags)
    assert read_tags(path).composer == "Ludwig van Beethoven"
    assert read_tags(write(tmp_path / "c.wav", tone(440, 1), "pcm_s16le", "wav")) == Tags()


def test_tags_that_are_not_utf_8_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.wav", tone(440, 1), "pcm_s16le", "wav", tags={"title": "Xur Elise", "artist": "M\x1b[1m"}
    )
    path.write_bytes(path.read_bytes().replace(b"Xur", b"F\xfcr"))
    assert read_tags(path) == Tags("Für Elise", "M [1m")
    assert len(joined(path)) == RATE


def test_a_file_with_an_absurd_rate_is_bad_input(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(440, 1), "pcm_s16le", "wav")
    content = bytearray(path.read_bytes())
    content[24:28] = (8).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(BadInput, match="has 8 samples a second"):
        joined(path)
