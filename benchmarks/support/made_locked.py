"""PDFs that are encrypted: those that anybody may open, and those that want a password.

The standard security handler of PDF 1.7 (ISO 32000-1, 7.6.3), in its revisions 2 to 4.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from benchmarks.support.made import Made
from benchmarks.support.made_pages import Pages, encoded

Revision = Literal[2, 3, 4]
_KEY_BYTES = {2: 5, 3: 16, 4: 16}
_PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_ALLOWED = {"nothing": -3904, "printing": -1340, "everything": -4}
"""The flags of what is allowed (Table 22)."""


def locked(pages: Pages) -> Iterator[Made]:
    """Encrypted in three ways, with restrictions, with and without a password."""
    for revision in (2, 3, 4):
        for allowed, flags in _ALLOWED.items():
            pdf, page, systems = pages.upper()
            jpeg, size = encoded(page, "L", "JPEG"), (page.shape[1], page.shape[0])
            write = partial(_write, jpeg, size, revision, flags, b"")
            name = f"revision-{revision}-{allowed}-allowed.pdf"
            yield Made("encrypted PDF", name, write, pages=1, systems=systems, asks=pdf.stem)
        write = partial(_write, jpeg, size, revision, flags, b"secret")
        yield Made("encrypted PDF", f"revision-{revision}-password.pdf", write, 0, says="is encrypted; save a copy")


def _write(jpeg: bytes, size: tuple[int, int], revision: Revision, flags: int, password: bytes, path: Path) -> None:
    """A page of 595 points' width that shows a grey JPEG of ``size`` px; ``password`` opens it."""
    owner, identity, length = os.urandom(32), os.urandom(16), _KEY_BYTES[revision]
    key = hashlib.md5((password + _PAD)[:32] + owner + struct.pack("<i", flags) + identity).digest()[:length]
    if revision == 2:
        user = _rc4(key, _PAD)
    else:
        for _ in range(50):
            key = hashlib.md5(key).digest()[:length]
        user = hashlib.md5(_PAD + identity).digest()
        for number in range(20):
            user = _rc4(bytes(byte ^ number for byte in key), user)
        user = user.ljust(32, b"\0")
    (width, height), high = size, 595 * size[1] // size[0]
    shown = _encrypted(key, 4, revision, b"q 595 0 0 %d 0 0 cm /I Do Q" % high)
    image = _encrypted(key, 5, revision, jpeg)
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 %d]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>" % high,
        b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown),
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
        b"/Filter/DCTDecode/Length %d>>stream\n%s\nendstream" % (width, height, len(image), image),
    )
    content, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(content))
        content += b"%d 0 obj%s\nendobj\n" % (number, body)
    ways = {
        2: b"/V 1",
        3: b"/V 2/Length 128",
        4: b"/V 4/Length 128/CF<</StdCF<</CFM/AESV2/AuthEvent/DocOpen/Length 16>>>>/StmF/StdCF/StrF/StdCF",
    }
    handler = b"<</Filter/Standard%s/R %d/P %d/O<%s>/U<%s>>>" % (
        ways[revision],
        revision,
        flags,
        owner.hex().encode(),
        user.hex().encode(),
    )
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    identities = b"[<%s><%s>]" % (identity.hex().encode(), identity.hex().encode())
    trailer = b"trailer<</Size 6/Root 1 0 R/Encrypt %s/ID%s>>\n" % (handler, identities)
    path.write_bytes(content + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(content))


def _encrypted(key: bytes, number: int, revision: Revision, content: bytes) -> bytes:
    """The stream of object ``number``."""
    salted = key + struct.pack("<I", number)[:3] + b"\0\0" + (b"sAlT" if revision == 4 else b"")
    own = hashlib.md5(salted).digest()[: min(len(key) + 5, 16)]
    if revision < 4:
        return _rc4(own, content)
    padding, start = PKCS7(128).padder(), os.urandom(16)
    encryptor = Cipher(AES(own), CBC(start)).encryptor()
    return start + encryptor.update(padding.update(content) + padding.finalize()) + encryptor.finalize()


def _rc4(key: bytes, content: bytes) -> bytes:
    return Cipher(ARC4(key), None).encryptor().update(content)
