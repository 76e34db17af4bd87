"""Which LilyPond files of a source are pieces of music for any instruments, and which of them are of one work.

Sources keep scores beside parts, headers and books of whole collections. What a file is shows in its name, in its
header and in what it includes: nothing is engraved to find out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earmark.corpus.format import work_of
from earmark.corpus.sources import Source, header_fields, include_closure, list_pieces, read_text

KEYBOARD = re.compile(r"piano|harpsichord|clav|virginal|cembalo|klavier", re.IGNORECASE)
_VOICE = re.compile(
    r"voice|satb|ttbb|choir|chorus|chant|sopran|tenor|bariton|basso\b.*continuo|s\.a|s\.s", re.IGNORECASE
)
_BOWED = re.compile(r"viol|cello|string|bass|fiddle|quartet", re.IGNORECASE)
_BLOWN = re.compile(
    r"flute|flaut|oboe|hautb|clarin|basso+n|fagot|horn|corn|tromb|trump|tuba|record|sax|brass|wind", re.IGNORECASE
)
_KINDS = (
    ("orchestra", re.compile(r"orchest|concert band|symphon", re.IGNORECASE)),
    ("organ", re.compile(r"organ|orgue|harmonium", re.IGNORECASE)),
    ("guitar", re.compile(r"guit|lute|luth|mandolin|harp\b|koto|shamisen|vihuela", re.IGNORECASE)),
)
_PRINTS = re.compile(
    r"\\(?:score|book|bookpart)\b|(?<![=\s])\s*^(?:\{|<<|\\(?:new|relative|context|simultaneous|transpose)\b)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"%\{.*?%\}|%[^\n]*", re.DOTALL)
_MIDI = re.compile(r"(?:^|[-_])midi(?=[-_]|score|$)", re.IGNORECASE)
_TEMPLATE = re.compile(r"(?:^|[-_])(?:template|generic|test)(?=[-_]|$)", re.IGNORECASE)
_WHOLE = re.compile(r"mvt|mov|score|partitur|conduct|director|full", re.IGNORECASE)
_PART = re.compile(r"(?:^|[-_ ])(?:parts?|stimme|voix[0-9])(?=[-_ 0-9]|$)|(?<=[a-z])part$|_sc$", re.IGNORECASE)
_INSTRUMENT = re.compile(
    r"violin\w*|violon\w*|vln?|viola\w*|alto|vla|va|\w*cell[oi]|vc|\w*bass[oei]?|cb|flut\w*|flaut\w*|pic\w*|obo\w*|haut\w*"
    r"|clar\w*|fagott\w*|basso+ns?|horns?|cor|corn[io]\w*|cornet\w*|tromb\w*|trump\w*|tuba|timp\w*|sax|caisse"
    r"|keyboard|piano|continuo|voice|canto|guit\w*|lute|amore|harpa|tenor\w*|sopran\w*|vocal|strings|woods|brass"
    r"|percussion|mandolin\w*|organo?",
    re.IGNORECASE,
)
_SCORE = re.compile(r"[-_ ]?score$", re.IGNORECASE)
_READS_ALL = re.compile(r"piano|keyboard|vocal|voice", re.IGNORECASE)
"""Whose score has the other players in it."""
_SINGER = re.compile(r"[-_ ][SATB][12]$")
_SAME_EDITION = re.compile(r"[-_](?:a4|let|letter)$", re.IGNORECASE)
_CATALOGUE = re.compile(
    r"\b(BWV|KV?|HWV|RV|D|WoO|Hob|LWV|FWV|WAB|Op(?:us)?|O|Sz|S|H|G|P|L|M|Z)\b[\s.:]*(?:nr?[.\s]*)?([IVX]*[:/]?\d+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Candidate:
    """A file that may be a piece: what its header says, and the files with music that it is made of."""

    file: str
    instruments: str
    works: frozenset[str]
    own_instrument: str
    made_of: frozenset[Path]
    prints: bool


def kind_of(instruments: str) -> str:
    """The kind of music for ``instruments``, as a header names them: ``organ``, ``choir``, ``strings``, …"""
    for kind, pattern in _KINDS:
        if pattern.search(instruments):
            return kind
    keyboard, bowed, blown = (bool(some.search(instruments)) for some in (KEYBOARD, _BOWED, _BLOWN))
    if _VOICE.search(instruments):
        choir = re.search(r"satb|ttbb|choir|chorus|s\.a|s\.s", instruments, re.IGNORECASE)
        return "choir" if choir and not keyboard else "songs"
    if keyboard:
        return "chamber with piano" if bowed or blown else "keyboard"
    if bowed and blown:
        return "winds and strings"
    if blown:
        return "winds"
    if bowed:
        solo = re.fullmatch(r"\W*(?:viol\w*|cello|violoncello)\W*", instruments, re.IGNORECASE)
        return "solo strings" if solo else "strings"
    return "others"


def find_pieces(source: Source) -> tuple[dict[str, Candidate], dict[str, str]]:
    """All pieces of ``source``, name → candidate, and the files that are none, file → reason.

    Raises BadInput when there is no LilyPond file.
    """
    candidates = {piece: _read(file, source.root) for piece, file in list_pieces(source, None).items()}
    groups: dict[str, list[str]] = defaultdict(list)
    for piece, candidate in candidates.items():
        groups[_edition(candidate.file)].append(piece)
    left_out = {}
    for pieces in groups.values():
        left_out.update(_sort_out({piece: candidates[piece] for piece in pieces}))
    kept = {piece: one for piece, one in candidates.items() if one.file not in left_out}
    return kept, left_out


def group_works(candidates: Mapping[str, Candidate]) -> dict[str, frozenset[str]]:
    """Piece → all works that it is of, by path and headers, and that pieces of these are of, and so on."""
    leader: dict[str, str] = {}

    def find(work: str) -> str:
        while leader.setdefault(work, work) != work:
            work = leader[work]
        return work

    for candidate in candidates.values():
        first, *others = sorted(candidate.works)
        find(first)
        for other in others:
            leader[find(other)] = find(first)
    members: dict[str, set[str]] = defaultdict(set)
    for work in leader:
        members[find(work)].add(work)
    return {piece: frozenset(members[find(min(one.works))]) for piece, one in candidates.items()}


def works_of(file: str, root: Path) -> frozenset[str]:
    """The names of the work that ``file`` is of: by its path, and by its header's composer and opus, or title."""
    named = {
        field: next(iter(header_fields(root / file, root, field)), "").strip()
        for field in ("mutopiacomposer", "mutopiaopus", "opus", "mutopiatitle", "title")
    }
    by_path = work_of(file)
    code = re.fullmatch(r"[A-Z][\w-]+[A-Z]\w*", named["mutopiacomposer"])
    composer = code[0] if code else by_path.partition("/")[0]
    numbers = {
        f"{composer}/{_catalogue(match[1])}{match[2]}"
        for match in _CATALOGUE.finditer(f"{named['mutopiaopus']} {named['opus']}")
    }
    title = re.sub(r"\W+", " ", named["mutopiatitle"] or named["title"]).strip().lower()
    if not numbers and len(title.split()) > 1:
        numbers = {f"{composer}/{title}"}
    return frozenset({by_path, *numbers})


def _catalogue(letters: str) -> str:
    """As the Mutopia Project's folders have it: ``O`` for opus, ``KV`` for Köchel."""
    upper = letters.upper()
    return {"K": "KV", "OP": "O", "OPUS": "O", "WOO": "WoO"}.get(upper, upper)


def _read(file: str, root: Path) -> Candidate:
    main = root / file
    closure = include_closure(main, root)
    texts = {path: _COMMENT.sub("", read_text(path)) for path in closure}
    own = re.search(r'^\s*instrument\s*=\s*"([^"\n]+)"', texts[main], re.MULTILINE)
    return Candidate(
        file=file,
        instruments=" ".join(header_fields(main, root, "mutopiainstrument", "instrument")),
        works=works_of(file, root),
        own_instrument=own[1] if own else "",
        made_of=frozenset(path for path, text in texts.items() if path != main and _has_music(text)),
        prints=any(_PRINTS.search(text) for text in texts.values()),
    )


def _has_music(text: str) -> bool:
    return len(re.findall(r"(?<![\\\w])[a-gh](?:is|es|s)*[',]*\d+\.?(?=[\s~(\[|)\]])", text)) >= 4


def _edition(file: str) -> str:
    """The folder of an edition: above ``…-lys``, or the file's own."""
    parts = PurePosixPath(file).parts
    for number, part in enumerate(parts):
        if part.endswith("-lys"):
            return "/".join(parts[: number + 1])
    return "/".join(parts[:-1])


def _sort_out(group: Mapping[str, Candidate]) -> dict[str, str]:
    """File → reason for all files of an edition that are no piece."""
    left_out = {one.file: "prints nothing: a header or notes" for one in group.values() if not one.prints}
    left = [one for one in group.values() if one.prints]
    for one in left:
        if _MIDI.search(PurePosixPath(one.file).stem):
            left_out[one.file] = "for MIDI only"
        elif _TEMPLATE.search(PurePosixPath(one.file).stem):
            left_out[one.file] = "a template or a test"
    left = [one for one in left if one.file not in left_out]
    sizes: dict[str, str] = {}
    for one in sorted(left, key=lambda one: one.file):
        stem = _SAME_EDITION.sub("", one.file.removesuffix(".ly"))
        if sizes.setdefault(stem, one.file) != one.file:
            left_out[one.file] = f"the same on other paper as {sizes[stem]}"
    left = [one for one in left if one.file not in left_out]
    parts = {one.file: whole for one in left if (whole := _whole_of(one, left))}
    left_out |= {file: f"a part of {whole}" for file, whole in parts.items()}
    left = [one for one in left if one.file not in left_out]
    for one in left:
        movements = [other for other in left if other is not one and other.made_of and other.made_of < one.made_of]
        if len(movements) > 1 and frozenset[Path]().union(*(other.made_of for other in movements)) >= one.made_of:
            left_out[one.file] = f"a book of {len(movements)} pieces, {movements[0].file} for one"
    return left_out


def _whole_of(one: Candidate, others: Iterable[Candidate]) -> str | None:
    """The file of the score that ``one`` is a part of, or None."""
    scores = [other for other in others if other is not one and not _is_named_a_part(other)]
    if not _is_named_a_part(one) or not scores:
        return None
    return max(scores, key=lambda other: (len(one.made_of & other.made_of), bool(_WHOLE.search(other.file)))).file


def _last_word(stem: str) -> str:
    """The last word of a file's name, without numbers and keys behind it: ``Violin`` of ``k158-ViolinII``."""
    named = re.sub(r"(?:[-_. ]?(?:[0-9]+|[IV]+|in[A-H]))*$", "", stem)
    return next(reversed(re.findall(r"[A-Z]?[a-z]{2,}|[A-Z]+(?![a-z])", named)), "")


def _is_named_a_part(one: Candidate) -> bool:
    """Whether name or header say one instrument where the piece has more."""
    stem = _SAME_EDITION.sub("", PurePosixPath(one.file).stem)
    if _PART.search(stem) or (_SINGER.search(stem) and _VOICE.search(one.instruments)):
        return True
    player = _INSTRUMENT.fullmatch(_last_word(_SCORE.sub("", stem)))
    if _WHOLE.search(stem):
        return bool(player and _SCORE.search(stem) and not _READS_ALL.fullmatch(player[0]))
    if player:
        return True
    several = re.search(r",| and |&|quartet|trio|orchest|ensemble|duet|duo|quintet|sextet|octet", one.instruments)
    alone = one.own_instrument and not re.search(r",| and |&|^\d", one.own_instrument)
    return bool(several and alone and one.made_of) and one.own_instrument.lower() not in ("orchestra", "ensemble")
