"""What a search found → hits as people are told them: names, pages, places, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from earmark.results.findings import Hit, RecordingHit
from earmark.search.query import Query
from earmark.search.rank import Ranked
from earmark.store.store import Store


def page_hits(store: Store, ranked: Sequence[Ranked], query: Query) -> tuple[Hit, ...]:
    """Ranked pieces of sheet music, best first. Raises KeyError when one has been removed meanwhile."""
    return tuple(_page_hit(store, number, found, query) for number, found in enumerate(ranked, 1))


def recording_hits(store: Store, ranked: Sequence[Ranked], query: Query) -> tuple[RecordingHit, ...]:
    """Ranked recordings, best first. Raises KeyError when one has been removed meanwhile."""
    return tuple(_recording_hit(store, number, found, query) for number, found in enumerate(ranked, 1))


def _page_hit(store: Store, rank: int, found: Ranked, query: Query) -> Hit:
    place = store.place(found.piece, found.place)
    page = next((page for page in store.pages(found.piece) if page.number == place.page), None)
    return Hit(
        **_what_both_say(store, rank, found, query),
        page=place.page,
        system=place.system,
        box=place.box,
        measure=place.measure,
        image=page.image if page else None,
        side=page.side if page else None,
    )


def _recording_hit(store: Store, rank: int, found: Ranked, query: Query) -> RecordingHit:
    time_s = round(store.time_s(found.piece, found.place), 3)
    return RecordingHit(**_what_both_say(store, rank, found, query), time_s=time_s)


def _what_both_say(store: Store, rank: int, found: Ranked, query: Query) -> dict[str, Any]:
    """The fields of `Hit` that `RecordingHit` has, too."""
    piece = store.piece(found.piece)
    time_s, query_place = query.where(found.excerpt)
    return {
        "rank": rank,
        "piece_id": piece.id,
        "piece": piece.name,
        "source": piece.source,
        "confidence": round(found.confidence, 4),
        "query_time_s": time_s,
        "query_place": query_place,
        "heard_s": query.heard_s(found.start, found.end),
        "same_as": found.same_as + 1 if found.same_as < rank - 1 else None,
        "title": piece.title,
        "composer": piece.composer,
    }
