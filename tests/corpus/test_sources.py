from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from earmark.corpus.sources import Source, digest, include_closure, list_pieces, open_source, translate
from earmark.errors import BadInput


def test_without_a_list_every_file_that_no_other_includes_is_a_piece(source: Path) -> None:
    (source / "ftp/Own/bars/notes.ly").write_text("c'4")
    (source / "ftp/Own/one/one.ly").write_text('\\include "../bars/notes.ly"')
    assert list_pieces(Source(source, "here", None), None) == {
        "Own__bars__two": "ftp/Own/bars/two.ly",
        "Own__broken__broken": "ftp/Own/broken/broken.ly",
        "Own__one__one": "ftp/Own/one/one.ly",
    }


def test_a_list_may_be_text_or_json(source: Path, tmp_path: Path) -> None:
    opened = Source(source, "here", None)
    text, names = tmp_path / "pieces.txt", tmp_path / "pieces.json"
    text.write_text("ftp/Own/one/one.ly\n\n")
    names.write_text(json.dumps({"mine": "ftp/Own/one/one.ly"}))
    assert list_pieces(opened, text) == {"Own__one__one": "ftp/Own/one/one.ly"}
    assert list_pieces(opened, names) == {"mine": "ftp/Own/one/one.ly"}


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.txt", "ftp/Own/nowhere.ly\n", "nowhere.ly is not in"),
        ("a.txt", "\n", "names no piece"),
        ("a.json", '["ftp/Own/one/one.ly"]', "is not an object of paths"),
        ("a.json", '{"piece": ', "is not JSON"),
        ("a.json", '{"../piece": "ftp/Own/one/one.ly"}', "cannot name a folder"),
    ],
)
def test_a_bad_list_says_what_is_wrong(source: Path, tmp_path: Path, name: str, text: str, complaint: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=complaint):
        list_pieces(Source(source, "here", None), tmp_path / name)


def test_the_closure_holds_what_is_included_and_there(source: Path) -> None:
    main = source / "ftp/Own/bars/two.ly"
    main.write_text('\\include "header.ily"\n% \\include "../one/one.ly"\n\\include "english.ly"')
    assert include_closure(main, source) == [main, source / "ftp/Own/bars/header.ily"]


def test_the_digest_changes_with_an_included_file(source: Path) -> None:
    main = source / "ftp/Own/bars/two.ly"
    before = digest(main, source)
    assert digest(main, source) == before
    (source / "ftp/Own/bars/header.ily").write_text("")
    assert digest(main, source) != before


@pytest.mark.usefixtures("lilypond")
def test_old_files_are_translated_also_where_only_the_main_file_states_its_version(
    source: Path, tmp_path: Path
) -> None:
    main = source / "ftp/Own/one/one.ly"
    (source / "ftp/Own/one/old.ily").write_text("x = { \\times 2/3 { c8 d e } } #(ly:set-option 'old-relative)")
    main.write_bytes('\\version "2.8.4"\n\\include "old.ily" % Köchel\n'.encode("latin-1"))
    copy = translate(main, source, tmp_path / "scratch")
    assert "Köchel" in copy.read_text(encoding="utf-8")
    assert copy.with_name("old.ily").read_text().strip() == "x = { \\tuplet 3/2 { c8 d e } }"


@pytest.mark.usefixtures("lilypond")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"\applyMusic #unfold-repeats \music", r"\unfoldRepeats \music"),
        (r'\context Voice = "up" \set stemLength = ##t', r'\context Voice = "up" { } \set stemLength = ##t'),
        (r'tagline = "made by " + \maker + "."', r'tagline = "made by ."'),
    ],
)
def test_what_convert_ly_leaves_is_translated_too(source: Path, tmp_path: Path, old: str, new: str) -> None:
    main = source / "ftp/Own/one/one.ly"
    main.write_text(f'\\version "2.10.0"\n{old}\n')
    assert translate(main, source, tmp_path / "scratch").read_text().splitlines()[1] == new


def test_a_source_is_a_folder_or_a_pinned_repository(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not pinned to a revision"):
        open_source("https://example.org/mutopia.git", tmp_path / "clone")
    with pytest.raises(BadInput, match="is not pinned to a revision"):
        open_source("https://example.org/mutopia.git#master", tmp_path / "clone")
    with pytest.raises(BadInput, match="no such folder"):
        open_source(str(tmp_path / "nowhere"), tmp_path / "clone")


def test_a_pinned_repository_is_fetched_at_its_commit(source: Path, tmp_path: Path) -> None:
    # No person's configuration, and no repository around that a hook may have named.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments]
        done = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True, env=environment)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    first = git("rev-parse", "HEAD")
    (source / "ftp/Own/one/one.ly").unlink()
    git("commit", "--quiet", "-a", "-m", "second")

    opened = open_source(f"{source.as_uri()}#{first}", tmp_path / "clone")
    assert (opened.root / "ftp/Own/one/one.ly").is_file()
    assert opened.revision == first
    with pytest.raises(BadInput, match="cannot fetch"):
        open_source(f"{source.as_uri()}#{'0' * 40}", tmp_path / "clone")
    assert (opened.root / "ftp/Own/one/one.ly").is_file(), "a failed fetch leaves the old clone"
