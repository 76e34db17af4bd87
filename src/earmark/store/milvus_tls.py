"""What of TLS keeps a library on a Milvus server from being reached: gRPC says only that it is."""

from __future__ import annotations

import os
import socket
import ssl
from urllib.parse import urlsplit

from earmark.store.store import LibraryUnusable

CERTIFICATES = "EARMARK_MILVUS_CA"
"""Environment variable: a PEM file of the certificates to trust."""
SECONDS = 5.0


def tls_trouble(shown: str, uri: str) -> LibraryUnusable | None:
    """What is wrong with the way to the server at ``uri``, to people ``shown``; None when it is not TLS, or nothing is
    there."""
    parts, trusted = urlsplit(uri), os.environ.get(CERTIFICATES)
    is_meant = parts.scheme == "https"
    try:
        context = ssl.create_default_context(cafile=trusted)
    except ssl.SSLError:
        return LibraryUnusable(trusted or "", "is no PEM file of certificates", f"check {CERTIFICATES}")
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection((parts.hostname, parts.port), SECONDS) as plain:
            context.wrap_socket(plain, server_hostname=parts.hostname).close()
    except ssl.SSLCertVerificationError as error:
        if is_meant:
            what = f"has a certificate that is not trusted ({error.verify_message})"
            return LibraryUnusable(shown, what, f"name a PEM file of those to trust in {CERTIFICATES}")
    except ssl.SSLError:
        return LibraryUnusable(shown, "is without TLS", "give milvus:// for milvus+tls://") if is_meant else None
    except OSError:
        return None
    return None if is_meant else LibraryUnusable(shown, "takes TLS only", "give milvus+tls:// for milvus://")
