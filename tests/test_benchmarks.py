"""The benchmarks measure what they say and judge honestly."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from benchmarks.support.clips import Clip
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

    Capture = pytest.CaptureFixture[str]

ROOT = Path(__file__).resolve().parent.parent
PAGE_PX = (1000, 2000)  # width, height


@pytest.fixture(autouse=True)
def benchmarks_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)


def test_a_run_has_the_time_the_memory_and_the_outputs_of_its_process() -> None:
    from benchmarks.support.command import run

    code = "import sys, time; held = bytearray(150_000_000); time.sleep(0.2); print(7); print('so', file=sys.stderr)"
    done = run([sys.executable, "-c", code])
    assert (done.exit_code, done.json(), done.errors) == (0, 7, "so\n")
    assert done.seconds >= 0.2
    assert done.peak_mb >= 150


def test_a_failed_run_has_no_figures() -> None:
    from benchmarks.support.command import run

    killed = run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    assert killed.exit_code == -9
    with pytest.raises(RuntimeError, match="exit code 3: no"):
        run([sys.executable, "-c", "import sys; print('no', file=sys.stderr); sys.exit(3)"]).json()


def write_piece(folder: Path) -> None:
    """Two pages of one system each; four onsets a second apart, the first two on page 1, a tied note without any."""
    folder.mkdir(parents=True)
    width, height = PAGE_PX
    pages = [{"number": number, "width_px": width, "height_px": height} for number in (1, 2)]
    systems = [{"page": number, "box": [100, 200, 900, 300]} for number in (1, 2)]
    (folder / "piece.json").write_text(json.dumps({"pages": pages, "systems": systems}))
    onset_s = np.array([2.0, 0.0, np.nan, 1.0, 3.0])
    x_px = np.array([300.0, 200.0, 400.0, 700.0, 600.0])
    np.savez(folder / "noteheads.npz", onset_s=onset_s, system=np.array([1, 0, 0, 0, 1]), x_px=x_px)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """Seconds 0.5 to 2.5 of a piece."""
    pytest.importorskip("mido", reason="rendering needs the [corpus] extra")
    from benchmarks.support.clips import Clip, Score
    from benchmarks.support.pieces import Piece

    write_piece(tmp_path / "piece")
    piece = Piece("piece", tmp_path / "piece", 2)
    return Clip(piece, Score(piece), tmp_path / "clip.wav", 0.5, 2.5)


def hit(clip: Clip, page: int, x: float, query_time_s: float) -> Any:
    box = (x - 0.05, 0.08, x + 0.05, 0.17)
    return SimpleNamespace(source=str(clip.piece.pdf), page=page, box=box, query_time_s=query_time_s)


def test_the_page_is_right_when_the_clip_plays_from_it(clip: Clip) -> None:
    assert clip.score.pages_between(0.5, 1.5) == {1}
    assert clip.score.pages_between(clip.start_s, clip.end_s) == {1, 2}
    assert clip.is_right_page(hit(clip, 2, 0.5, 0.0))
    assert not clip.is_right_page(hit(clip, 3, 0.5, 0.0))
    other = hit(clip, 2, 0.5, 0.0)
    other.source = "/another/score.pdf"
    assert not clip.is_right_page(other)


def test_the_place_is_right_when_it_shows_the_note_that_is_heard(clip: Clip) -> None:
    assert clip.is_right_place(hit(clip, 1, 0.7, 0.6))  # 1.1 s: the onset at 1 s, at 700 px of page 1
    assert not clip.is_right_place(hit(clip, 1, 0.2, 0.6))
    assert not clip.is_right_place(hit(clip, 2, 0.7, 0.6))
    assert clip.is_right_place(hit(clip, 2, 0.3, 1.4))  # 1.9 s: the onset at 2 s, at 300 px of page 2


def test_pieces_are_taken_evenly() -> None:
    from benchmarks.support.pieces import Piece, evenly

    pieces = [Piece(f"{i}", Path(f"{i}"), 2) for i in range(10)]
    assert [piece.name for piece in evenly(pieces, 4)] == ["0", "5"]
    assert evenly(pieces, 99) == pieces


def test_tables_are_markdown() -> None:
    from benchmarks.support.results import table

    assert table(("a", "b"), [("x|y", 1)]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"


def test_a_form_plays_its_parts_in_order() -> None:
    mido = pytest.importorskip("mido", reason="rendering needs the [corpus] extra")
    from benchmarks.support.forms import Form, unfold

    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=250_000)])
    for kind, note, time in (("on", 60, 0), ("off", 60, 3000), ("on", 64, 1000), ("on", 67, 1500), ("off", 67, 500)):
        track.append(mido.Message(f"note_{kind}", note=note, time=time))
    track.append(mido.Message("note_off", note=64, time=2000))
    score = mido.MidiFile(ticks_per_beat=384, tracks=[track])
    tick, system = np.array([0, 4000, 5500]), np.array([0, 1, 1])
    assert Form("once").parts(tick, system, 8000) == [(0, 8000)]
    parts = Form("repeat", "AaB").parts(np.array([0, 1000, 4000, 5500]), np.array([0, 0, 1, 1]), 8000)
    assert parts == [(0, 4000), (0, 1000), (4000, 8000)]
    played, now = [], 0
    for message in unfold(score, parts).tracks[0]:
        now += message.time
        if message.type in ("note_on", "note_off"):
            played.append((now, message.type, message.note))
    assert played == [
        (0, "note_on", 60),
        (3000, "note_off", 60),
        (4000, "note_on", 60),
        (5000, "note_off", 60),
        (5000, "note_on", 64),
        (6500, "note_on", 67),
        (7000, "note_off", 67),
        (9000, "note_off", 64),
    ]


def test_an_alignment_is_judged_by_when_the_mark_passes_the_notes() -> None:
    pytest.importorskip("mido", reason="rendering needs the [corpus] extra")
    from benchmarks.align import Onsets, judge
    from earmark.results import Alignment, Mark, SystemBox

    systems = tuple(SystemBox(1, number, (0.1, 0.0, 0.9, 0.1)) for number in (1, 2))
    # Through the first system in 4 s, back to its start for 2 s more of it.
    x = [*np.linspace(0.1, 0.9, 41)[:-1], *np.linspace(0.1, 0.5, 21)]
    points = tuple(Mark(round(0.1 * i, 1), 1, 1, float(at), 0.0, 1.0) for i, at in enumerate(x))
    alignment = Alignment("a.wav", 6.0, "m", "p", "p.pdf", systems, points)
    onsets = Onsets(
        tick=np.zeros(4, np.int64),
        system=np.array([0, 0, 0, 1]),
        x=np.array([0.3, 0.3, 0.7, 0.3]),
        time_s=np.array([1.2, 5.0, 5.0, 1.0]),
    )
    errors_s, right = judge(alignment, onsets)
    np.testing.assert_allclose(errors_s, [-0.2, 0.0, -2.0, np.inf], atol=1e-6)
    assert right.tolist() == [True, True, True, False]


def test_a_degraded_page_is_the_same_again_and_its_points_are_where_they_are_said_to_be() -> None:
    from benchmarks.support.degrade import WAYS, degrade

    page = np.full((1170, 827), 255, np.uint8)
    dots = np.array([(200.0, 300.0), (600.0, 350.0), (420.0, 900.0)])
    for x, y in dots.astype(int):
        page[y - 12 : y + 12, x - 12 : x + 12] = 0
    for way in WAYS:
        worse, place = degrade(page, way, "a page")
        np.testing.assert_array_equal(worse, degrade(page, way, "a page")[0])
        height, width = worse.shape
        scale = min(height, width) / 827
        for x, y in place(dots):
            near = worse[round(y - 5 * scale) : round(y + 5 * scale), round(x - 5 * scale) : round(x + 5 * scale)]
            around = worse[round(y - 40 * scale) : round(y + 40 * scale), round(x - 40 * scale) : round(x + 40 * scale)]
            assert near.mean() < np.median(around) - 20, way


def test_every_true_system_is_matched_once() -> None:
    from benchmarks.pages import Result, match, overlap

    true = [(0.0, 0.0, 100.0, 20.0), (0.0, 40.0, 100.0, 60.0)]
    assert overlap(true[0], true[0]) == 1
    assert overlap(true[0], true[1]) == 0
    assert overlap(true[0], (0.0, 0.0, 50.0, 20.0)) == 0.5
    found = [true[1], true[0], (0.0, 1.0, 100.0, 20.0)]
    matched = match(found, true)
    assert sorted(matched) == [(0, 1), (1, 0)]
    result = Result("page", 2, 3, matched, 0.1)
    assert (result.is_right, result.in_order, result.wrong) == (False, False, 1)


def test_points_of_a_bent_page_are_found_on_the_flat_one() -> None:
    from earmark.sheet.systems.warp import Warp
    from experiments.analysis.snippets import to_flat

    column, row = np.meshgrid(np.arange(11.0) * 20, np.arange(16.0) * 20)
    bent = np.stack([300 - row - 4 * np.sin(column / 40), column + 6 * np.sin(row / 60)], axis=2)  # on its side
    warp = Warp(bent.astype(np.float32), (20.0, 20.0), (200, 300), (300, 200))
    flat = np.random.default_rng(0).uniform(0, (200, 300), (50, 2))
    np.testing.assert_allclose(to_flat(warp, warp.to_page(flat)), flat, atol=1e-6)
    assert to_flat(None, flat) is flat


def test_notes_are_found_again_on_a_degraded_page(tmp_path: Path, music: Music, encoders: FakeEncoders) -> None:
    from earmark.schema import SheetSpec
    from earmark.sheet.strips import cut_strip
    from earmark.sheet.systems.find import find_systems
    from experiments.analysis.snippets import see

    (page,) = music.pages(music.melody(1, 48))
    systems = find_systems(page)
    folder = tmp_path / "piece"
    folder.mkdir()
    Image.fromarray(page).save(folder / "page-001.png")
    gone = {"page": 1, "box": [100, page.shape[0] - 60, 900, page.shape[0] - 20]}  # a system that nobody will find
    about = {"pages": [{"number": 1, "image": "page-001.png"}], "systems": [{"page": 1, **vars(s)} for s in systems]}
    (folder / "piece.json").write_text(json.dumps({**about, "systems": [*about["systems"], gone]}))
    system = np.repeat([0, 1, 2], [24, 24, 1])
    x_px = np.append(100.0 + 40 * (np.arange(48) % 24 + 0.5), 500.0)
    y_px = np.append([(s.box[1] + s.box[3]) / 2 for s in systems for _ in range(24)], page.shape[0] - 40.0)
    np.savez(
        folder / "noteheads.npz",
        system=system,
        x_px=x_px,
        y_px=y_px,
        pitch=np.full(49, 60, np.uint8),
        onset_s=np.arange(49) * 0.5,
    )
    exact = cut_strip(page, systems, SheetSpec())
    clean = see(folder, "clean")
    np.testing.assert_allclose(clean.x_px[:-1], exact.to_strip(system[:-1], x_px[:-1]), atol=0.01)
    for way in ("skew", "curl"):
        seen = see(folder, way)
        assert set(seen.way.tolist()) == {way}
        assert np.isnan(seen.x_px[-1])
        embeddings = seen.embed(encoders, np.arange(49))
        assert np.linalg.norm(embeddings[[3, 48]], axis=1) == pytest.approx([1, 0])
        same = (embeddings @ clean.embed(encoders, np.arange(48)).T).argmax(axis=1)
        assert (same[2:46] == np.arange(2, 46)).mean() > 0.9


def test_a_mixed_run_draws_every_way_by_the_pages_names() -> None:
    from benchmarks.support.degrade import WAYS
    from experiments.analysis.snippets import way_of

    drawn = [way_of("mixed", f"piece/page-{number}.png") for number in range(200)]
    assert set(drawn) == set(WAYS)
    assert drawn[7] == way_of("mixed", "piece/page-7.png")
    assert way_of("clean", "piece/page-7.png") == "clean"


def test_a_disturbed_recording_is_as_long_as_said_and_keeps_its_pitch(tmp_path: Path) -> None:
    from benchmarks.support.clips import RATE_HZ, write_wav
    from benchmarks.support.disturb import WAYS
    from earmark.audio.decode import read_samples

    time_s = np.arange(3 * RATE_HZ) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * 440 * time_s) + 0.2 * np.sin(2 * np.pi * 100 * time_s)
    recording = write_wav(tmp_path / "tone.wav", tone.astype(np.float32))
    (tmp_path / "out").mkdir()
    for name, way in WAYS.items():
        samples = np.concatenate(list(read_samples(way.disturb(recording, tmp_path / "out"))))
        assert len(samples) / RATE_HZ == pytest.approx(3 / way.speed, rel=0.03), name
        spectrum = np.abs(np.fft.rfft(samples[RATE_HZ : 2 * RATE_HZ]))  # a bin is 1 Hz
        assert spectrum[300:].argmax() + 300 == pytest.approx(440, abs=3), name
        low = spectrum[90:110].max() / spectrum[430:450].max()
        assert low < 0.1 if name == "telephone" else low > 0.5, (name, low)


def test_the_babble_of_a_cafe_is_as_loud_as_said_and_the_same_again(tmp_path: Path) -> None:
    from benchmarks.support.clips import RATE_HZ, write_wav
    from benchmarks.support.disturb import SIGNAL_TO_NOISE_DB, babble, cafe
    from earmark.audio.decode import read_samples

    music = np.float32(0.1) * np.sin(np.arange(2 * RATE_HZ)).astype(np.float32)
    recording = write_wav(tmp_path / "music.wav", music)
    cafe(recording, tmp_path / "cafe.wav")
    noise = np.concatenate(list(read_samples(tmp_path / "cafe.wav"))) - music
    assert 10 * np.log10(np.mean(music**2) / np.mean(noise**2)) == pytest.approx(SIGNAL_TO_NOISE_DB, abs=0.1)
    first, again = (babble(RATE_HZ, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_clips_lie_within_the_recording() -> None:
    from benchmarks.suites.real import starts

    assert starts(20.0, 10.0) == [0.0, 5.0, 10.0]
    assert starts(19.9, 10.0) == [0.0, 5.0]
    assert starts(19.9, 20.0) == []


def test_the_pages_of_a_clip_are_those_that_the_alignment_is_on() -> None:
    from benchmarks.support.among_scans import Turns
    from earmark.results import Alignment, Mark

    points = tuple(Mark(float(i), 1 if i < 4 else 2, 1, 0.5, 0.0, 0.4 if i == 0 else 0.9) for i in range(8))
    turns = Turns(Alignment("a.wav", 8.0, "m", "p", "p.pdf", (), points))
    assert turns.pages_between(0.0, 3.5) == {1}
    assert turns.pages_between(3.0, 5.0) == {1, 2}
    assert (str(turns), turns.doubtful) == ("1, 2 from 4 s", 1 / 8)


def test_a_scan_is_known_by_any_way_to_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.support.among_scans import added_from

    monkeypatch.chdir("/")
    scan: Any = SimpleNamespace(source="/scans/op-49")
    library: Any = SimpleNamespace(pieces=lambda: [SimpleNamespace(source="/scans/op-79"), scan])
    for way in ("/scans/op-49", "scans/op-49", "elsewhere/../scans/op-49"):
        assert added_from(library, Path(way)) is scan
    with pytest.raises(RuntimeError, match="is not in the library"):
        added_from(library, Path("op-49"))


def test_a_row_counts_what_held_and_leaves_out_what_a_suite_does_not_judge() -> None:
    from benchmarks.support.answers import Answer, answers_table, summarise

    answers = [
        Answer("tape", "a", 0.0, rank=1, confident=True, page=True, absent=False),
        Answer("tape", "a", 5.0, rank=1, confident=False, page=False, absent=True),
        Answer("tape", "b", 0.0, rank=2, confident=True, page=False, absent=False),
        Answer("tape", "b", 5.0, rank=None, confident=False, page=False, absent=False),
        Answer("another", "b", 5.0, rank=7, confident=False),
    ]
    tape, another = summarise(answers)
    assert tape == {
        "row": "tape",
        "queries": 4,
        "piece_first": 2,
        "among_first": 3,
        "right_page": 1,
        "right_place": None,
        "confident": 2,
        "confidently_wrong": 1,
        "confident_without": 1,
    }
    assert (another["queries"], another["among_first"], another["right_page"]) == (1, 0, None)
    assert "| tape | 4 | 50.0% | 75.0% | 25.0% | – | 50.0% | 25.0% | 25.0% |" in answers_table([tape])


def test_every_suite_of_identify_can_be_asked(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    pytest.importorskip("mido", reason="rendering needs the [corpus] extra")
    from benchmarks import identify

    assert set(identify.SUITES) == {"pieces", "real", "scans", "tapes", "instruments", "pages"}
    for name, suite in identify.SUITES.items():
        for option in suite.needs:
            monkeypatch.setattr(sys, "argv", ["identify", "corpus", "--suite", name])
            with pytest.raises(SystemExit):
                identify.main()
            assert f"the suite {name} needs --{suite.needs[0]}" in capsys.readouterr().err, option


def performance(*parts: tuple[int, tuple[int, ...]]) -> Any:
    """A MIDI file with a channel for each (program, pitches); its pitches follow each other."""
    import mido

    track = mido.MidiTrack()
    for channel, (program, _) in enumerate(parts):
        track.append(mido.Message("program_change", channel=channel, program=program))
    for channel, (_, pitches) in enumerate(parts):
        track.append(mido.Message("note_on", channel=channel, note=pitches[0], velocity=64))
        for pitch in pitches[1:]:
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=64, time=96))
    return mido.MidiFile(tracks=[track])


@pytest.mark.parametrize(
    ("programs", "kind"),
    [
        ((24,), "guitar"),
        ((19,), "organ"),
        ((0,), "keyboard"),
        ((52, 52, 53), "choir"),
        ((52, 0), "songs"),
        ((40,), "solo strings"),
        ((40, 40, 41, 42), "strings"),
        ((73, 60), "winds"),
        ((40, 73), "orchestra"),
        ((40, 0), "chamber with piano"),
        ((40, 24), "others"),
    ],
)
def test_the_kind_of_a_piece_is_told_by_its_instruments(programs: tuple[int, ...], kind: str) -> None:
    pytest.importorskip("mido", reason="rendering needs the [corpus] extra")
    from benchmarks.suites.instruments import kind_of

    assert kind_of(performance(*((program, (60,)) for program in programs))) == kind


def test_a_part_and_its_score_are_the_same_music() -> None:
    pytest.importorskip("mido", reason="rendering needs the [corpus] extra")
    from benchmarks.suites.instruments import are_same, notes_of

    melody, bass = tuple(range(60, 80)), tuple(range(40, 50))
    score, part = (notes_of(performance(*parts)) for parts in (((40, melody), (42, bass)), ((40, melody),)))
    assert are_same(score, part)
    assert are_same(part, score)
    other = notes_of(performance((40, melody[::-1])))
    assert not are_same(part, other)


def test_a_stretch_is_right_when_it_shares_more_than_half() -> None:
    pytest.importorskip("mido", reason="rendering needs the [corpus] extra")
    from benchmarks.suites.tapes import Part

    part = Part(SimpleNamespace(), 10.0, 30.0)  # type: ignore[arg-type]
    assert part.is_heard((12.0, 32.0))
    assert not part.is_heard((20.0, 40.0))
    assert not part.is_heard((0.0, 60.0))


def test_every_table_in_the_documents_is_what_the_results_files_say() -> None:
    from benchmarks import report

    assert [str(path.relative_to(report.ROOT)) for path, _ in report.outdated()] == []
    text = (report.ROOT / "benchmarks" / "README.md").read_text()
    assert len(report.BLOCK.findall(text)) >= 10
    changed = text.replace("%", "‰", 1)
    assert report.filled(changed) == text


def test_figures_in_short_are_those_of_the_results() -> None:
    """Tables that also hold what others measured, or that are shorter than a results file's."""
    own = json.loads((ROOT / "experiments" / "results" / "earmark-1.json").read_text())["tempi"]["1"]["audio_to_sheet"]
    readme = (ROOT / "README.md").read_text()
    for figures in (own, own["ceiling"]):
        assert f"| {figures['recall@1']:.2f} | {figures['mrr']:.3f} |" in readme

    def first(suite: str, name: str) -> tuple[int, int]:
        rows = json.loads((ROOT / "benchmarks" / "results" / f"identify-{suite}.json").read_text())["rows"]
        (found,) = (row for row in rows if row["row"] == name)
        return found["piece_first"], found["queries"]

    said = (ROOT / "docs" / "model.md").read_text()
    assert (
        "20 s of each of the 94 test pieces | the corpus' PDFs | {} of {} |".format(
            *first("pieces", "20 s of a test piece")
        )
        in said
    )
    for suite, name, words in (
        ("real", "as recorded, 10 s", "10 s clips of five real recordings | 477 pieces, nine of them real scans"),
        ("real", "as recorded, 20 s", "20 s clips of the same | the same"),
        ("real", "café at 10 dB, 20 s", "in a café's babble at 10 dB | the same"),
        ("scans", "the scan alone", "played by synthesis | the same, without their engraved edition"),
    ):
        right, queries = first(suite, name)
        share = f"{100 * right / queries:.1f}".removesuffix(".0")
        assert f"{words} | {share} % |" in said, name


def test_every_results_file_stands_in_a_document() -> None:
    from benchmarks import report

    shown = {block["name"] for path in report.documents() for block in report.BLOCK.finditer(path.read_text())}
    kept = {path.stem for folder in report.FOLDERS.values() for path in folder.glob("*.json")}
    assert kept <= shown


def test_the_papers_tables_are_those_of_the_results(tmp_path: Path) -> None:
    from earmark.balke2019.tables import write_tables

    for path in write_tables(ROOT / "experiments" / "results", tmp_path):
        assert path.read_text() == (ROOT / "experiments" / "balke2019" / path.name).read_text(), path.name


def test_wrong_answers_are_of_the_kind_that_their_notes_say() -> None:
    """A theme of twelve notes, 10 px and half a second apart, comes three times, the third with another end."""
    from earmark.training.data.dataset import Notes, TrainingPiece, group_onsets
    from experiments.analysis.errors import KINDS, Judge, Place

    def made(name: str, pitches: list[int]) -> TrainingPiece:
        count = len(pitches)
        notes = Notes(
            np.linspace(1, 1 + (count - 1) / 2, count), np.arange(count, dtype=np.float32) * 10, np.array(pitches)
        )
        return TrainingPiece(name, np.full((80, count * 10), 255, np.uint8), group_onsets(notes), notes, {})

    theme = [40, 42, 44, 45, 47, 49, 51, 52, 54, 56, 57, 59]
    piece = made("Composer__O1__one", [*theme, 60, *theme, 60, *theme, 71])
    judge = Judge("piano@1")

    def kind(asked: int, answered: int) -> int:
        return KINDS.index(judge.kind(Place(piece, asked), Place(piece, answered)))

    assert kind(5, 6) == 2
    assert kind(5, 18) == 3  # five before, five after are the same, and the snippet shows no more
    assert kind(8, 34) == 4  # the fourth after it is another note
    assert kind(10, 36) == 5
    other = Place(made("Composer__O2__one", theme), 5)
    assert judge.kind(Place(piece, 5), other) == "another work"
    sister = Place(made("Composer__O1__two", theme), 5)
    assert judge.kind(Place(piece, 5), sister) == "another piece of the work"


@pytest.mark.parametrize("engine", ["files", "lists", "database", "flat"])
def test_large_libraries_are_made_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    from benchmarks import scale
    from benchmarks.support import large_library

    rng = np.random.default_rng(0)
    read = {f"{name}-{i}": rng.standard_normal((60, 16)) for name in ("asked", "music") for i in range(5)}
    read |= {f"question-{i}": read[f"asked-{i}"][10:30] for i in range(5)}
    units = {
        name: (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float16) for name, array in read.items()
    }
    np.savez(tmp_path / "embeddings.npz", **units)
    monkeypatch.setattr(large_library, "ASKED", 5)
    monkeypatch.setattr(large_library, "MUSIC", 5)
    monkeypatch.setattr(large_library, "NEIGHBOURS", 30)
    large_library.fill(tmp_path / "embeddings.npz", 1000, tmp_path / "library")
    figures = large_library.prepare(engine, tmp_path / "library")
    assert bool(list((tmp_path / "library" / "index").glob("*.lists"))) == (engine == "lists")
    figures |= large_library.measure(engine, tmp_path / "embeddings.npz", tmp_path / "library")
    assert figures["proposed"] == 5
    assert figures["recall"] > 0.9 if engine == "lists" else figures["recall"] == 1
    about = {"pieces": 40, "pages": 80, "places": 24_000, "page_cpu_s": 0.9}
    told = scale.tables({"music": about, "engines": [{"places": 1000, "engine": engine, **figures}]})
    assert f"| 1 000 | {scale.ENGINES[engine]} |" in told["engines"]
    if engine == "lists":
        assert "| a page | 300 |" in told["music"]
        assert "| 10^7 | 33 333 | 8.3 |" in told["needs"]
        lists = next((tmp_path / "library" / "index").glob("*.lists")).stat().st_size / 1000
        assert f" | {lists:.0f} | " in told["lists"]


def test_a_broken_word_of_the_server_is_counted(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    from benchmarks.soak import Addition, broken_words
    from earmark.library.library import Library

    uploads = tmp_path / "library" / "uploads"
    uploads.mkdir(parents=True)
    with Library.open(tmp_path / "library", encoders) as library:
        for number in (1, 2):
            library.add(music.write_pdf(uploads / f"s-{number}.pdf", music.melody(number, 48)))
    kept = [Addition("s-1.pdf", "s-1", None), Addition("s-2.pdf", "s-2", None), Addition("s-3.pdf", None, "507")]
    assert broken_words(tmp_path / "library", kept) == 0
    assert broken_words(tmp_path / "library", [*kept, Addition("s-4.pdf", "s-4", None)]) == 1  # said to be there
    assert broken_words(tmp_path / "library", [*kept[1:], Addition("s-1.pdf", None, "gave_up")]) == 1  # said not to be
    (uploads / "left.pdf").write_bytes(b"x")
    assert broken_words(tmp_path / "library", kept) == 1
    (uploads / "s-1.pdf").unlink()
    assert broken_words(tmp_path / "library", kept) == 2


def test_what_comes_of_a_file_of_a_kind_is_judged() -> None:
    from benchmarks.kinds import judge, tables
    from benchmarks.support.made import Made
    from earmark.library.add import Outcome
    from earmark.store.store import Piece

    def write(path: Path) -> None:
        path.touch()

    piece = Piece(1, "a", "a.pdf", "", "", 2, 6, 40)
    read, refused = Outcome("a.pdf", "added", piece), Outcome("a.pdf", "failed", reason="is empty; copy it again")
    scan, sound = Made("PDF", "a.pdf", write, pages=2, systems=6), Made("recordings", "a.wav", write, seconds=10)
    assert judge(scan, [read], 4) == judge(sound, [read], 4) == ""
    assert judge(sound, [read], 5) == "8.0 s are heard, not 10.0 s"
    assert judge(Made("PDF", "a.pdf", write, systems=5), [read], 4) == "6 systems, not 5"
    assert judge(scan, [], 4) == "nothing was said of it"
    assert judge(scan, [refused], 4) == "0 pieces, not 1: is empty; copy it again"
    empty = Made("empty", "a.pdf", write, pieces=0, says="is empty")
    assert judge(empty, [refused], 4) == ""
    assert judge(empty, [read], 4).startswith("1 pieces, not 0")
    assert judge(empty, [Outcome("a.pdf", "failed", reason="is empty")], 4).startswith("is refused without a remedy")
    count = {"tried": 2, "read": 1, "refused": 0, "wrong": 1, "verbs": {"find": [1, 2]}}
    told = tables({"kinds": {"PDF": count}, "wrong": [{"kind": "PDF", "name": "a.pdf", "what": "6 systems, not 5"}]})
    assert "| PDF | 2 | 1 | 0 | 1 | 1 of 2 |" in told["kinds"]
    assert "| PDF | `a.pdf` | 6 systems, not 5 |" in told["wrong"]


def test_a_tune_has_the_same_notes_in_every_format(tmp_path: Path) -> None:
    from benchmarks.support.tunes import random_tune
    from earmark.sheet.engrave import engraved

    tune = random_tune(np.random.default_rng(0), "Für Élise")
    heads = {}
    for name, text in {
        "a.musicxml": tune.musicxml(),
        "b.musicxml": tune.musicxml(timewise=True),
        "a.mei": tune.mei(),
        "a.krn": tune.kern(),
        "a.abc": tune.abc(),
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        with engraved(tmp_path / name) as engraving:
            found = [head for page in engraving.read() for head in page.noteheads]
        heads[name] = len(found), [round(found[0].y_px - head.y_px) for head in found[:4]]
    assert heads == dict.fromkeys(heads, heads["a.musicxml"])
    assert heads["a.abc"][0] == len(tune.pitches)


def test_who_practises_is_found_again_when_two_answers_are_near() -> None:
    pytest.importorskip("mido", reason="rendering needs the [corpus] extra")
    from benchmarks import practice
    from benchmarks.support.session import Score, Stretch

    ticks = np.arange(0, 4000, 500)
    score = Score(ticks, np.repeat([0, 1], 4), np.tile([0.2, 0.4, 0.6, 0.8], 2), [(1, 1), (1, 2)])
    played: Any = SimpleNamespace(performed_s=np.array([0.0, 7.0]), score_ticks=np.array([0.0, 3500.0]))
    stretch = Stretch("skips", 0, 10.0, 17.0, played)  # an onset a second
    assert (stretch.tick_at(12.0), stretch.ticks_per_s) == (1000.0, 500.0)
    assert [score.system_at(tick) for tick in (0, 1999, 2000)] == [0, 0, 1]

    def told(*places: tuple[float, int, float] | None) -> list[tuple[float, Any]]:
        return [
            (10.0 + i, place and SimpleNamespace(page=1, system=place[1], x=place[2])) for i, place in enumerate(places)
        ]

    found = practice.Found()
    places = [None, (1, 1, 0.4), (2, 2, 0.2), (3, 1, 0.8), (4, 2, 0.3), (5, 2, 0.4)]
    practice._judge(score, stretch, told(*places), found)
    assert (found.answers, found.placed, found.right) == (6, 5, 4)
    assert found.back == [("skips", 3.0)]
    assert found.off_s == pytest.approx([0.0, 0.0, -0.5, 0.0])
    practice._judge(score, stretch, told(None, (1, 1, 0.4), None), found)
    assert found.back[1] == ("skips", None)
    shown = practice.figures(found)
    assert shown["steps"][-1] == {"step": "**all jumps**", "times": 2, "found": 1, "median_s": None, "most_s": None}


def drawn_pages() -> Any:
    """Stands for `benchmarks.support.made_pages.Pages`: always the same page."""
    page = np.full((300, 200), 255, np.uint8)
    page[100:110, 20:120] = 0
    return SimpleNamespace(upper=lambda: (Path("a.pdf"), page, 1))


def test_an_encrypted_pdf_that_is_made_opens_where_it_has_no_password(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="encrypting needs the [tls] extra")
    from benchmarks.support.made_locked import locked
    from earmark.errors import BadInput
    from earmark.sheet.images import read_pages

    for one in locked(drawn_pages()):
        one.write(tmp_path / one.name)
        if one.pieces:
            (page,) = read_pages(tmp_path / one.name)
            assert np.percentile(page.image, [0.5, 50]).tolist() == pytest.approx([0, 255], abs=40), one.name
        else:
            with pytest.raises(BadInput, match=one.says):
                list(read_pages(tmp_path / one.name))


def test_manifests_that_are_made_name_what_their_server_has() -> None:
    from benchmarks.support.made_web import Manifests, serving
    from earmark.sheet.manifest import Manifest, read_document

    with serving() as site:
        answered = 0
        for one in Manifests(site, drawn_pages(), b"sound").all():
            if not one.pieces or one.says:
                continue
            found = read_document(site.answer(one.address.removeprefix(site.url))[2], one.name)
            if isinstance(found, Manifest):
                assert len(found.canvases) == (one.pages or 0)
                for canvas in found.canvases:
                    answers = [site.answer(image.removeprefix(site.url))[0] for image in canvas.images]
                    answered += 200 in answers
                    assert 200 in answers, (one.name, canvas.images)
    assert answered > 20


def test_scores_of_many_staves_are_of_so_many(tmp_path: Path) -> None:
    from benchmarks.support.made_staves import staves, unread_staves
    from earmark.sheet.engrave import engraved

    made = [*staves(np.random.default_rng(0)), *unread_staves()]
    assert [one.staves for one in made[:28]] == list(range(3, 31))
    assert {one.pieces for one in made[28:]} == {0, 1}
    one = next(one for one in made if one.name.endswith(".musicxml"))
    one.write(tmp_path / one.name)
    with engraved(tmp_path / one.name) as engraving:
        (page,) = engraving.read()
    assert [len(system.staves) for system in page.systems] == [one.staves]
