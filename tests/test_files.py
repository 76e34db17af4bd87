import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from earmark.files import locked, make_folder, move, replacing, write_json


def test_the_new_file_takes_the_old_ones_place(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})
    write_json(path, {"new": "é"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"new": "é"}
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail_half_way() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("is_other_disk", [False, True])
def test_a_file_is_moved_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_other_disk: bool) -> None:
    rename = os.replace

    def renamed(path: Path, to: Path) -> None:
        if is_other_disk and path.parent != to.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(path, to)

    monkeypatch.setattr(os, "replace", renamed)
    make_folder(tmp_path / "deep" / "folder")
    (tmp_path / "file").write_bytes(b"content")
    move(tmp_path / "file", tmp_path / "deep" / "folder" / "there")
    assert (tmp_path / "deep" / "folder" / "there").read_bytes() == b"content"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["there"]


def test_a_lock_is_of_one_process_and_ends_with_it(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from earmark.files import locked\n"
    code += "with locked(Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    with other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(BlockingIOError), locked(tmp_path / "lock"):
            pass
        other.kill()
        other.communicate()
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
