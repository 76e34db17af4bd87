from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.support.made_web import Manifests, serving
from earmark.sheet.manifest import Manifest, read_document


def drawn_pages() -> Any:
    """Stands for `benchmarks.support.made_pages.Pages`: always the same page."""
    page = np.full((300, 200), 255, np.uint8)
    page[100:110, 20:120] = 0
    return SimpleNamespace(upper=lambda: (Path("a.pdf"), page, 1))


def test_manifests_that_are_made_name_what_their_server_has() -> None:
    with serving() as site:
        answered = 0
        for one in Manifests(site, drawn_pages(), b"sound").all():
            if not one.pieces or one.says:
                continue
            found = read_document(site.answer(one.address.removeprefix(site.url))[2], one.name)
            if isinstance(found, Manifest):
                assert len(found.canvases) == (one.pages or 0)
                for canvas in found.canvases:
                    answers = [site.answer(image.removeprefix(site.url))[0] for image in canvas.images]
                    answered += 200 in answers
                    assert 200 in answers, (one.name, canvas.images)
    assert answered > 20
