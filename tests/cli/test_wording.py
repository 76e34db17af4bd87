"""What is said of additions, in sentences."""

from __future__ import annotations

from earmark.cli.wording import summary
from earmark.library.add import Outcome
from earmark.results.places import Kind
from earmark.sheet.formats import UNREAD
from earmark.store.store import Piece


def added(kind: Kind) -> Outcome:
    return Outcome("/a", "added", Piece(1, "a", "/a", "", "", 1, 5, 40, kind))


def skipped(reason: str, *names: str) -> list[Outcome]:
    return [Outcome(f"/music/{name}", "skipped", reason=reason) for name in names]


def test_what_is_passed_over_is_told_by_reason_in_one_line_each() -> None:
    outcomes = skipped("is hidden", ".DS_Store", "._take.mp3")
    outcomes += skipped("; ".join(UNREAD[".sib"]), "quartet.sib", "trio.SIB")
    outcomes += skipped("; ".join(UNREAD[".tga"]), "scan.tga")
    outcomes += skipped("; ".join(UNREAD[".ps"]), "a.ps", "b.ps")
    outcomes += skipped("is neither sheet music nor a recording", *(f"a.{ending}" for ending in "uvwxyz"))
    assert summary(outcomes, "library") == [
        "skipped: 2 files (.DS_Store, .mp3) that are hidden",
        "skipped: 2 files (.sib) that are each a Sibelius score, which only Sibelius reads; "
        "export it as MusicXML there (File > Export) and give that",
        "skipped: 1 file (.tga) that is an image of a kind that is not read; save it as PNG or TIFF",
        "skipped: 2 files (.ps) that are PostScript, which is not read; convert it to PDF (ps2pdf)",
        "skipped: 6 files (.u, .v, .w, .x, .y, …) that are neither sheet music nor a recording",
        "13 skipped",
    ]


def test_what_to_do_next_goes_by_what_was_added() -> None:
    assert summary([added("recording")], "my library")[-1] == "next: earmark find 'my library' PAGE"
    assert summary([added("recording"), added("score")], "library")[-1] == "next: earmark find library RECORDING"
    assert summary(skipped("is hidden", ".x"), "library") == ["skipped: 1 file (.x) that is hidden", "1 skipped"]
