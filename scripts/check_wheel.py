"""What ``make wheel-check`` runs: the wheel, installed alone, answers a query of the demo.

``python -I scripts/check_wheel.py DIST`` runs in an environment that holds the wheel of the folder ``DIST`` and what
the wheel asks for, and fails with what is wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

DEMO = Path(__file__).resolve().parents[1] / "demo"
EARMARK = str(Path(sys.executable).with_name("earmark"))
PIECE, OTHER = "mozart-ah-vous", "korobeiniki"
EXTRAS = ("torch", "scipy", "fastapi", "matplotlib", "pytest")
MODEL = "earmark-2"


def main(dist: Path) -> None:
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with ZipFile(wheel) as archive:
        models = {Path(name).parent.name for name in archive.namelist() if name.endswith(".onnx")}
    assert models == {MODEL}, f"{wheel} holds the weights {sorted(models)}, not {MODEL}"
    there = [name for name in EXTRAS if find_spec(name)]
    assert not there, f"{there} are installed, so this shows nothing about what the wheel needs"

    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "library")
        earmark("add", library, *(str(DEMO / "scores" / f"{name}.pdf") for name in (PIECE, OTHER)))
        found = json.loads(earmark("find", library, str(DEMO / "recordings" / f"{PIECE}.ogg"), "--json"))
    assert found["confident"], "the demo's recording is not surely found"
    assert found["hits"][0]["piece"] == PIECE, f"the demo's recording brings {found['hits'][0]['piece']} first"
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in (wheel, sdist))
    print(f"{sizes}: installed alone, it finds {PIECE}, page {found['hits'][0]['page']}")


def earmark(*arguments: str) -> str:
    """Return what the installed command prints; raises ``CalledProcessError`` when it fails."""
    return subprocess.run([EARMARK, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
