"""Certificates for HTTPS: somebody's own, or one that is made for this machine, is kept, and signs itself."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from earmark.errors import BadInput, EarmarkError
from earmark.files import replacing
from earmark.web.addresses import outward_address

FILE_NAME = "certificate.pem"
VALID = timedelta(days=397)
"""What browsers take at most."""
RENEWED_BEFORE = timedelta(days=30)


def tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """What speaks TLS, 1.2 or later, with a certificate and its key, PEM files; raises BadInput when they are none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise BadInput(path, f"cannot be read ({error.strerror})", "check its name and permissions") from error
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, ValueError) as error:
        what = f"is no certificate of the key in {key}" if "MISMATCH" in str(error) else "is no certificate with a key"
        raise BadInput(certificate, what, "give a certificate and its key, two PEM files") from error
    return context


def own_certificate(folder: Path, host: str) -> Path:
    """The PEM file in ``folder`` with a key and a certificate for all names and addresses of this machine and ``host``.

    The one that is there is kept, so that who trusts it can go on to, until it expires or names are missing; the folder
    is for its owner alone. Raises EarmarkError when the package that makes it is not there, BadInput when ``folder``
    cannot be written.
    """
    try:
        from cryptography import x509
    except ImportError as error:
        raise EarmarkError(f"--tls needs {error.name}; install it with: pip install 'earmark[tls]'") from error
    path, wanted = folder / FILE_NAME, _names(host)
    with suppress(OSError, ValueError, x509.ExtensionNotFound):
        found = x509.load_pem_x509_certificate(path.read_bytes())
        named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        known = {*named.get_values_for_type(x509.DNSName), *map(str, named.get_values_for_type(x509.IPAddress))}
        if wanted <= known and found.not_valid_after_utc - datetime.now(UTC) > RENEWED_BEFORE:
            return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.chmod(folder, 0o700)
        with replacing(path) as file:
            os.chmod(file.name, 0o600)
            file.write(_made(wanted))
    except OSError as error:
        raise BadInput(path, f"cannot be written ({error.strerror})", "give --certificate CERTIFICATE KEY") from error
    return path


def fingerprint(certificate: Path) -> str:
    """The SHA-256 of a certificate in a PEM file as browsers show it: hexadecimal with colons."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(SHA256()).hex(":").upper()


def _names(host: str) -> set[str]:
    """What this machine can be called: names, and addresses in their usual form."""
    own = socket.gethostname()
    names = {"localhost", "127.0.0.1", "::1", own, host.strip("[]")} | ({f"{own}.local"} if "." not in own else set())
    with suppress(OSError):
        names |= {str(address[0]).partition("%")[0] for *_, address in socket.getaddrinfo(own, None)}
    names |= {outward_address(family) or "" for family in (socket.AF_INET, socket.AF_INET6)}
    return {name for name in names if name and name.isascii()} - {"0.0.0.0", "::"}


def _made(names: Iterable[str]) -> bytes:
    """A new key and its certificate, PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Earmark on {socket.gethostname()}"[:64])])
    alternatives: list[x509.GeneralName] = []
    for name in sorted(names):
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + VALID - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, kind, plain) + certificate.public_bytes(pem)
