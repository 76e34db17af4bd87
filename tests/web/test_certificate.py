"""The certificate that is made for this machine, and other people's."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import stat
import sys
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from earmark.errors import BadInput, EarmarkError
from earmark.web import certificate
from earmark.web.certificate import fingerprint, own_certificate, tls

x509 = pytest.importorskip("cryptography.x509")


def test_it_names_this_machine_and_is_kept(tmp_path: Path) -> None:
    path = own_certificate(tmp_path / "tls", "scores.local")
    first = path.read_bytes()
    found = x509.load_pem_x509_certificate(first)
    named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = named.get_values_for_type(x509.DNSName)
    assert {"localhost", "scores.local", socket.gethostname()} <= set(names)
    assert IPv4Address("127.0.0.1") in named.get_values_for_type(x509.IPAddress)
    assert own_certificate(tmp_path / "tls", "0.0.0.0").read_bytes() == first
    assert own_certificate(tmp_path / "tls", "192.0.2.7").read_bytes() != first
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are another system's")
def test_nobody_else_can_read_its_key(tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir(mode=0o755)
    path = own_certificate(tmp_path / "tls", "localhost")
    assert [stat.S_IMODE(os.stat(one).st_mode) for one in (path.parent, path)] == [0o700, 0o600]


def test_one_that_ends_soon_or_is_damaged_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "VALID", timedelta(days=20))
    first = own_certificate(tmp_path, "localhost").read_bytes()
    monkeypatch.setattr(certificate, "VALID", timedelta(days=397))
    second = own_certificate(tmp_path, "localhost").read_bytes()
    assert second != first
    (tmp_path / certificate.FILE_NAME).write_text("no certificate")
    assert own_certificate(tmp_path, "localhost").read_bytes() not in (first, second)


def test_its_fingerprint_is_the_certificates(tmp_path: Path) -> None:
    path = own_certificate(tmp_path, "localhost")
    text = path.read_text()
    der = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])
    assert fingerprint(path).replace(":", "").lower() == hashlib.sha256(der).hexdigest()


def test_what_is_no_certificate_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = own_certificate(tmp_path / "one", "localhost"), own_certificate(tmp_path / "other", "localhost")
    tls(one, one)
    text = tmp_path / "text.pem"
    text.write_text("text")
    for given, message in (
        ((text, text), "is no certificate with a key"),
        ((one, text), "is no certificate with a key"),
        ((one, other), "is no certificate of the key in"),
        ((tmp_path / "gone.pem", one), "cannot be read"),
    ):
        with pytest.raises(BadInput, match=message):
            tls(*given)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(EarmarkError, match=r"pip install 'earmark\[tls\]'"):
        own_certificate(tmp_path, "localhost")
