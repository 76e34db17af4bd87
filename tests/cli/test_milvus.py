"""The real command and libraries on a real Milvus server: over TLS, and served over HTTP as a folder is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from earmark.store.milvus_tls import CERTIFICATES
from earmark.web.certificate import own_certificate
from tests.store.engines import Server
from tests.store.made_up import put

RUN = [sys.executable, "-c", "from earmark.cli import main; main()"]
DEMO = Path(__file__).parents[2] / "demo"
CLIENT = {"Earmark-Client": "tests"}


def said_of(address: str, certificates: Path | None) -> str:
    """What the command says of a library that it cannot list."""
    environment = os.environ | {CERTIFICATES: str(certificates or "")}
    ran = subprocess.run([*RUN, "list", address], env=environment, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stdout == ""
    return ran.stderr


def test_a_server_with_tls_is_reached_by_who_trusts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography")
    certificate, other = (
        own_certificate(tmp_path / "tls", "localhost"),
        own_certificate(tmp_path / "other", "localhost"),
    )
    monkeypatch.setenv(CERTIFICATES, str(certificate))
    server = Server(certificate)
    try:
        address = server.address("music")
        with_tls, without = "milvus+tls://", "milvus://"
        assert address.startswith(with_tls)
        store = server.open("music", True)
        piece = put(store, "a", 1)
        assert store.nearest(store.contents(piece.id)[1], 1).pieces.ravel().tolist() == [piece.id] * 50
        store.close()
        listed = subprocess.run([*RUN, "list", address, "--json"], capture_output=True, text=True, check=True)
        assert '"a"' in listed.stdout
        for certificates in (None, other):
            said = said_of(address, certificates)
            assert said.startswith(f"earmark: {address}: has a certificate that is not trusted (self")
            assert said.endswith(f"; name a PEM file of those to trust in {CERTIFICATES}\n")
            assert said.count("\n") == 1
        plain = address.replace(with_tls, without)
        assert said_of(plain, None) == f"earmark: {plain}: takes TLS only; give milvus+tls:// for milvus://\n"
        (tmp_path / "none.pem").write_text("none")
        said = said_of(address, tmp_path / "none.pem")
        assert said == f"earmark: {tmp_path / 'none.pem'}: is no PEM file of certificates; check {CERTIFICATES}\n"
    finally:
        server.close()


def test_a_server_without_tls_says_so(milvus_server: Server) -> None:
    address = milvus_server.address("music").replace("milvus://", "milvus+tls://")
    assert said_of(address, None) == f"earmark: {address}: is without TLS; give milvus:// for milvus+tls://\n"


def answer_of(where: str | Path, clip: bytes) -> list[dict[str, Any]]:
    """The hits that ``earmark serve`` gives over HTTP for a recording, without what tells one library from another."""
    with subprocess.Popen(
        [*RUN, "serve", str(where), "--port", "0", "--workers", "1"], stdout=subprocess.PIPE, text=True
    ) as served:
        try:
            assert served.stdout
            url = served.stdout.readline().strip()
            with httpx.Client(base_url=url, headers=CLIENT, timeout=60) as client:
                asked = client.post("api/v1/queries", content=clip).headers["Location"]
                while (told := client.get(asked).json())["state"] not in ("done", "failed"):
                    time.sleep(0.1)
                piece = told["result"]["hits"][0]["piece_id"]
                assert client.get(f"api/v1/pieces/{piece}/pages/1.png").headers["content-type"] == "image/png"
        finally:
            served.terminate()
    return [{key: value for key, value in hit.items() if key != "piece_id"} for hit in told["result"]["hits"]]


def test_the_command_serves_a_library_on_a_server_as_it_does_a_folder(
    milvus_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder, address = tmp_path / "library", milvus_server.address("demo")
    pieces = ("bach-prelude", "petzold-menuet", "mozart-alla-turca")
    scores = [str(DEMO / "scores" / f"{piece}.pdf") for piece in pieces]
    for arguments in (["add", str(folder), *scores], ["copy", str(folder), address]):
        subprocess.run([*RUN, *arguments], check=True, capture_output=True)
    clip = (DEMO / "recordings" / "petzold-menuet.ogg").read_bytes()
    here, there = answer_of(folder, clip), answer_of(address, clip)
    assert here[0]["piece"] == "petzold-menuet"
    assert here == there
