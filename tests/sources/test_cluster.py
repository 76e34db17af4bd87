"""Adding with a Ray cluster of this machine: two nodes of one core each, and a process that is killed in the midst."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from earmark.errors import EarmarkError
from earmark.library.add import Outcome
from earmark.library.library import Library
from tests.conftest import Music
from tests.fake_encoders import FakeEncoders

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("ray", reason="Ray is not installed: make engines")
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        pytest.skip("Ray listens on all addresses, and here is a network: make engines")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    yield cluster.address
    cluster.shutdown()


def encoding_processes() -> list[int]:
    """Processes of Ray's that are encoding."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::_encode"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_cluster_adds_what_one_machine_does_also_when_a_process_is_killed(
    address: str, tmp_path: Path, music: Music
) -> None:
    scores = tmp_path / "scores"
    scores.mkdir()
    for seed in range(6):
        music.write_pdf(scores / f"{seed}.pdf", music.melody(seed, 24))
    (scores / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    killed = list[int]()

    def kill(outcome: Outcome, done: int, total: int) -> None:
        if not killed:
            killed.extend(encoding_processes()[:1])
            for process in killed:
                os.kill(process, signal.SIGKILL)

    with Library.open(tmp_path / "there") as library:
        outcomes = library.add(scores, kill, ray=address)
        there = library.pieces()
        again = library.add(scores, ray=address)
    with Library.open(tmp_path / "here") as library:
        library.add(scores)
        here = library.pieces()
        assert [piece.sha256 for piece in here] == [piece.sha256 for piece in there]
        with Library.open(tmp_path / "there") as other:
            for one, two in zip(here, there, strict=True):
                assert library.store.contents(one.id)[0] == other.store.contents(two.id)[0]
                assert (library.store.contents(one.id)[1] == other.store.contents(two.id)[1]).all()
    assert killed
    assert [outcome.status for outcome in outcomes] == ["added"] * 6 + ["failed"]
    assert "broken.pdf" in outcomes[-1].source
    assert [outcome.status for outcome in again] == ["unchanged"] * 6 + ["failed"]


def test_a_model_that_ray_cannot_load_is_refused(tmp_path: Path, encoders: FakeEncoders) -> None:
    with (
        Library.open(tmp_path / "lib", encoders) as library,
        pytest.raises(EarmarkError, match="by its name or folder"),
    ):
        library.add(tmp_path, ray="127.0.0.1:9")


def test_without_the_package_the_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with Library.open(tmp_path / "lib") as library, pytest.raises(EarmarkError, match=r"pip install 'earmark\[ray\]'"):
        library.add(tmp_path, ray="127.0.0.1:9")
