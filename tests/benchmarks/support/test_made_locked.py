from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.support.made_locked import locked
from earmark.errors import BadInput
from earmark.sheet.images import read_pages


def drawn_pages() -> Any:
    """Stands for `benchmarks.support.made_pages.Pages`: always the same page."""
    page = np.full((300, 200), 255, np.uint8)
    page[100:110, 20:120] = 0
    return SimpleNamespace(upper=lambda: (Path("a.pdf"), page, 1))


def test_an_encrypted_pdf_that_is_made_opens_where_it_has_no_password(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="encrypting needs the [tls] extra")

    for one in locked(drawn_pages()):
        one.write(tmp_path / one.name)
        if one.pieces:
            (page,) = read_pages(tmp_path / one.name)
            assert np.percentile(page.image, [0.5, 50]).tolist() == pytest.approx([0, 255], abs=40), one.name
        else:
            with pytest.raises(BadInput, match=one.says):
                list(read_pages(tmp_path / one.name))
