"""What is on a recording, in other programs' forms."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from earmark.exports import recordings
from earmark.exports.served import answer_file
from earmark.results.identified import Identified, Stretch
from earmark.results.places import Place

FIRST, LAST = Place(1, 2, (0.1, 0.2, 0.3, 0.4), "17"), Place(2, 1, (0.1, 0.2, 0.3, 0.4))
TAPE = Identified(
    '/tapes/an "evening".wav',
    200.0,
    "earmark-2",
    (
        Stretch(0.0, 4.0, silent=True),
        Stretch(4.0, 100.5, 7, "fuge", "Fuge,\tin C", "Bach", "/scores/fuge é.pdf", 0.98, True, FIRST, LAST),
        Stretch(100.5, 130.0),
        Stretch(130.0, 200.0, 8, "minuet", "", "", "/scores/minuet.pdf", 0.4, False, LAST, LAST),
    ),
)


def test_the_table_has_a_line_for_each_stretch() -> None:
    rows = list(csv.DictReader(io.StringIO(recordings.table([TAPE]))))
    assert [row["what"] for row in rows] == ["silence", "piece", "unknown", "piece"]
    assert rows[1]["title"] == "Fuge,\tin C"
    assert (rows[1]["first_measure"], rows[1]["last_page"], rows[1]["sure"]) == ("17", "2", "yes")
    assert (rows[0]["confidence"], rows[3]["sure"]) == ("", "no")


def test_a_cue_sheet_has_a_track_for_all_but_silence() -> None:
    assert recordings.cue(TAPE) == (
        "FILE \"an 'evening'.wav\" WAVE\n"
        '  TRACK 01 AUDIO\n    TITLE "Fuge, in C"\n    SONGWRITER "Bach"\n    INDEX 01 00:04:00\n'
        '  TRACK 02 AUDIO\n    TITLE "music not in this library"\n    INDEX 01 01:40:38\n'
        '  TRACK 03 AUDIO\n    TITLE "minuet"\n    INDEX 01 02:10:00\n'
    )


def test_labels_and_regions_have_a_line_for_each_stretch() -> None:
    assert recordings.labels(TAPE).splitlines()[1] == "4.000\t100.500\tBach: Fuge, in C"
    assert recordings.labels(TAPE).splitlines()[3].endswith("\tperhaps minuet")
    assert recordings.regions(TAPE).splitlines()[1] == '4.000,0.98,96.500,"Bach: Fuge, in C"'


def test_jams_holds_segments_of_the_whole_recording() -> None:
    told = json.loads(recordings.jams(TAPE))
    (segments,) = told["annotations"]
    assert (segments["namespace"], segments["duration"], len(segments["data"])) == ("segment_open", 200.0, 4)
    assert segments["data"][1] == {"time": 4.0, "duration": 96.5, "value": "Bach: Fuge,\tin C", "confidence": 0.98}
    assert told["file_metadata"]["duration"] == 200.0


def test_annotations_say_where_a_piece_is_heard_and_on_which_page_it_begins() -> None:
    told = json.loads(recordings.annotation_page(TAPE))
    assert [item["target"].partition("#")[2] for item in told["items"]] == ["t=4.000,100.500", "t=130.000,200.000"]
    assert told["items"][0]["body"][0]["source"] == Path("/scores/fuge é.pdf").as_uri()
    assert "page 1, system 2" in told["items"][0]["body"][1]["value"]


def test_what_a_library_remembers_is_exported_as_a_fresh_answer() -> None:
    kept = json.loads(json.dumps(TAPE.to_dict()))
    assert answer_file("identify", kept, "csv", "") == recordings.table([TAPE])
    assert answer_file("identify", kept, "annotations", "") == recordings.annotation_page(TAPE)
    assert json.loads(answer_file("identify", kept, "json", "")) == kept


def test_what_was_followed_has_times_and_no_places() -> None:
    followed = {"audio": {}, "pieces": [{"piece": "fuge", "piece_id": 7, "start_s": 1.0, "end_s": 30.5}]}
    assert answer_file("align", followed, "csv", "") == "piece,start_s,end_s\nfuge,1.0,30.5\n"
    with pytest.raises(ValueError, match="no places"):
        answer_file("align", followed, "annotations", "")
