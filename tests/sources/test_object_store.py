"""Files of pieces in an object store: fetched as they were put, or not at all."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from earmark.errors import BadInput
from earmark.sources.object_store import ObjectStore
from earmark.sources.on_disk import PageFile, Score, page_file, sha256

pytest.importorskip("fsspec")
PAGES = (b"first", b"second")


@pytest.fixture
def files(tmp_path: Path) -> tuple[PageFile, ...]:
    paths = [tmp_path / "scan" / f"page {number}.PNG" for number in (1, 2)]
    paths[0].parent.mkdir()
    for path, page in zip(paths, PAGES, strict=True):
        path.write_bytes(page)
    return tuple(map(page_file, paths))


@pytest.mark.parametrize("address", ["memory://bucket/scores", "folder"])
def test_what_was_put_is_fetched_once_where_the_files_are_not(
    address: str, files: tuple[PageFile, ...], tmp_path: Path
) -> None:
    there = ObjectStore(address if "://" in address else str(tmp_path / address))
    content = sha256(Score("", "", files))
    for _ in range(2):
        there.put(f"{content}#1-1", files)  # of a part
    shutil.rmtree(tmp_path / "scan")
    fetched = there.fetch(content, files, tmp_path / "fetched")
    assert [path.read_bytes() for path in fetched] == [*PAGES]
    assert [path.relative_to(tmp_path / "fetched" / content).as_posix() for path in fetched] == ["1.png", "2.png"]
    assert ObjectStore("memory://nowhere").fetch(content, files, tmp_path / "fetched") == fetched


def test_what_is_not_there_or_of_other_content_is_refused_and_not_kept(
    files: tuple[PageFile, ...], tmp_path: Path
) -> None:
    there, content = ObjectStore("memory://other"), sha256(Score("", "", files))
    with pytest.raises(BadInput, match=r"/\w+/1.png: is not there; add the piece again where its file is"):
        there.fetch(content, files, tmp_path / "fetched")
    there.put(content, files[:1])
    there.put(content, [files[0], files[0]])
    with pytest.raises(BadInput, match="is not what was added"):
        there.fetch(content, files, tmp_path / "fetched")
    assert not [path for path in (tmp_path / "fetched").rglob("*") if path.is_file()]
    there.put(content, files)  # it has another size
    assert [path.read_bytes() for path in there.fetch(content, files, tmp_path / "fetched")] == [*PAGES]


def test_a_library_names_no_file_outside(files: tuple[PageFile, ...], tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"mine")
    with pytest.raises(BadInput, match="is no checksum of files"):
        ObjectStore("memory://bucket").fetch("..", files[:1], tmp_path / "fetched")


@pytest.mark.filterwarnings("ignore")  # others' own
def test_s3(files: tuple[PageFile, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of S3's protocol on this machine."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: make engines")
    moto = pytest.importorskip("moto.server", reason="moto is not installed: make engines")
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    there, content = ObjectStore("s3://bucket/scores"), sha256(Score("", "", files))
    try:
        with pytest.raises(BadInput, match=r"^s3://bucket/scores: cannot be used \(.*bucket.*\); check EARMARK_FILES"):
            there.put(content, files)
        with there._opened() as (system, _):
            system.mkdir("bucket")
        for _ in range(2):
            there.put(content, files)
        assert [path.read_bytes() for path in there.fetch(content, files, tmp_path / "fetched")] == [*PAGES]
        with pytest.raises(BadInput, match="is not there"):
            there.fetch("0" * 64, files, tmp_path / "fetched")
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("gs://bucket", r"cannot be used \(.*\); install what it takes: pip install 'earmark\[s3\]'"),
        ("nonsense://bucket", r"cannot be used \(Protocol not known: nonsense.*\); check EARMARK_FILES"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_line(
    address: str, said: str, files: tuple[PageFile, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(BadInput, match=said):
        ObjectStore(address).put("0" * 64, files)
