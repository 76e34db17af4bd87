"""A file → one that is nearly like it: changed where its kind has structure, the same for the same seed."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable, Mapping

TEXTS = (".abc", ".json", ".krn", ".mei", ".musicxml", ".pdf")
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_NUMBERS = b"0 -1 1e308 4294967296 99999999999999999999 0.0000001 NaN 65536 -2147483648".split()
_WORDS = (
    *(b"", b"\0", b"<", b"&lt;&#0;", b"\xff\xfe", b"\xe4", b"%s%n", b"../../etc/passwd", b"file:///etc/passwd"),
    *(b"]]>", b"{", b"[", b"\xf0\x9f\x8e\xb5", b"null", b'"', b"A" * 5000, b"[" * 3000, b"\r", b"\t" * 40),
)
_INTEGERS = (0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
MOST_BYTES = 2_000_000
Mutation = Callable[[random.Random, bytes], bytes]


def mutated(name: str, seeds: Mapping[str, bytes], seed: int) -> bytes:
    """The content of the seed ``name``, changed once to four times."""
    rng = random.Random(f"{name} {seed}")
    content = seeds[name]
    if name.endswith(".mxl") and rng.random() < 0.6:
        return _rezipped(rng, content)
    choices: tuple[Mutation, ...] = _OF_BYTES + (_OF_TEXT * 2 if name.endswith(TEXTS) else _OF_CHUNKS)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        content = rng.choice(choices)(rng, content)[:MOST_BYTES] or b"\0"
    if rng.random() < 0.05:
        other = seeds[rng.choice(sorted(seeds))]
        content = content[: rng.randrange(len(content))] + other[rng.randrange(len(other)) :]
    return content


def _flip(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _flip_early(rng: random.Random, content: bytes) -> bytes:
    """In the head, where sizes and kinds are."""
    changed = bytearray(content)
    changed[rng.randrange(min(len(changed), 128))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(changed)


def _set_integer(rng: random.Random, content: bytes) -> bytes:
    size = rng.choice((1, 2, 4, 4, 8))
    at = rng.randrange(max(1, len(content) - size))
    value = (rng.choice(_INTEGERS) % (1 << 8 * size)).to_bytes(size, "big")
    return content[:at] + (value if rng.random() < 0.5 else value[::-1]) + content[at + size :]


def _cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def _remove(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.choice((1, 2, 4, 16, 200)) :]


def _repeat(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    part = content[start : start + rng.choice((1, 4, 16, 200, 2000))]
    return content[:start] + part * rng.choice((2, 3, 50)) + content[start:]


def _change_number(rng: random.Random, content: bytes) -> bytes:
    found = list(_NUMBER.finditer(content[:100_000]))
    if not found:
        return _flip(rng, content)
    one = rng.choice(found)
    return content[: one.start()] + rng.choice(_NUMBERS) + content[one.end() :]


def _insert_word(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + rng.choice(_WORDS) + content[at:]


def _move_element(rng: random.Random, content: bytes) -> bytes:
    """Takes out, doubles or nests an element, an object, a line or a token."""
    cuts = [0, *(found.end() for found in re.finditer(rb"[>\n},|/]", content[:100_000])), len(content)]
    first, last = sorted(rng.sample(range(len(cuts)), 2))
    last = min(last, first + rng.choice((1, 2, 5)))
    part, before, after = content[cuts[first] : cuts[last]], content[: cuts[first]], content[cuts[last] :]
    return rng.choice((before + after, before + part * rng.choice((2, 2, 200)) + after, before + after + part))


def _change_chunk(rng: random.Random, content: bytes) -> bytes:
    """Takes out, doubles, or lies about the length of a chunk: four letters with a length before or behind."""
    found = [one.start() for one in re.finditer(rb"[A-Za-z]{3}[A-Za-z0-9 ]", content)][:200]
    if len(found) < 2:
        return _set_integer(rng, content)
    start = rng.choice(found)
    end = min((one for one in found if one > start), default=len(content))
    if rng.random() < 0.4:
        return content[:start] + content[start:end] * rng.choice((0, 2, 3)) + content[end:]
    at = max(0, start + rng.choice((-4, 4)))
    length = rng.choice((*_INTEGERS, rng.randrange(2**16)))
    return content[:at] + struct.pack(rng.choice(("<I", ">I")), length) + content[at + 4 :]


def _rezipped(rng: random.Random, content: bytes) -> bytes:
    """A member's content or name changed, packed anew."""
    memory = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as new:
        members = [(info.filename, old.read(info)) for info in old.infolist()]
        chosen = rng.randrange(len(members))
        for number, (name, inside) in enumerate(members):
            if number == chosen:
                inside = rng.choice(_OF_TEXT + _OF_BYTES)(rng, inside)
                name = rng.choice((name, name, name, "../out.xml", "other.xml", ".", "/etc/passwd"))
            new.writestr(name, inside)
    packed = memory.getvalue()
    return _flip(rng, packed) if rng.random() < 0.2 else packed


_OF_BYTES: tuple[Mutation, ...] = (_flip, _flip_early, _set_integer, _set_integer, _cut, _remove, _repeat)
_OF_TEXT: tuple[Mutation, ...] = (_change_number, _change_number, _insert_word, _move_element, _move_element)
_OF_CHUNKS: tuple[Mutation, ...] = (_change_chunk, _change_chunk, _change_chunk)
