"""What is on recordings → one HTML page that needs no server and nothing from the web."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

from earmark.results.identified import Identified, Stretch
from earmark.results.places import Place

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.45 system-ui, sans-serif; }}
h1, h2 {{ font-weight: normal; font-family: Georgia, serif; overflow-wrap: anywhere; }}
section {{ margin: 2.5rem 0; }}
audio {{ width: 100%; }}
table {{ width: 100%; border-collapse: collapse; }}
th, td {{ padding: 0.4rem 0.6rem; text-align: left; vertical-align: top; border-top: 1px solid #8886; }}
td:first-child, td:last-child {{ white-space: nowrap; }}
button {{ border: 0; padding: 0; background: none; color: #a64300; font: inherit; cursor: pointer; }}
.unsure, .nothing {{ opacity: 0.7; }}
img {{ display: block; max-width: min(24rem, 100%); margin-top: 0.5rem; background: #fff; }}
@media (prefers-color-scheme: dark) {{ button {{ color: #ff9a56; }} }}
@media (max-width: 40rem) {{
  tr {{ display: grid; grid-template-columns: auto auto 1fr; padding: 0.4rem 0; border-top: 1px solid #8886; }}
  tr:has(th) {{ display: none; }}
  td {{ padding: 0.1rem 1rem 0.1rem 0; border: 0; }}
  td:nth-child(3), td:nth-child(4) {{ grid-column: 1 / -1; order: 1; }}
  td:last-child {{ text-align: right; padding-right: 0; }}
}}
@media print {{ audio {{ display: none; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
{sections}
<script>
for (const button of document.querySelectorAll("button[data-start]")) {{
  button.onclick = () => {{
    const sound = button.closest("section").querySelector("audio");
    sound.currentTime = Number(button.dataset.start);
    sound.play();
  }};
}}
</script>
</body>
</html>
"""


def html(
    title: str,
    recordings: Iterable[Identified],
    failures: Iterable[tuple[str, str]],
    folder: Path,
    picture: Callable[[Stretch], Path | None],
) -> str:
    """The page, which will lie in ``folder``: recordings with their chapters, then what could not be read, and why.

    ``picture`` gives the image, in ``folder``, of the page on which a stretch begins.
    """
    recordings, failures = list(recordings), list(failures)
    sections = [_recording(one, folder, picture) for one in recordings]
    if failures:
        rows = "".join(f"<tr><td>{escape(source)}</td><td>{escape(why)}</td></tr>" for source, why in failures)
        sections.append(f"<section><h2>What could not be read</h2><table>{rows}</table></section>")
    return PAGE.format(
        title=escape(title), summary=escape(summary(recordings, len(failures))), sections="".join(sections)
    )


def summary(recordings: list[Identified], failed: int) -> str:
    """How much was named, in a sentence or two."""
    stretches = [one for recording in recordings for one in recording.stretches]
    pieces = [one for one in stretches if one.what == "piece"]
    named_s = sum(one.end_s - one.start_s for one in pieces)
    whole_s = sum(recording.duration_s for recording in recordings)
    parts = [f"{counted(len(recordings), 'recording')}, {clock(whole_s)} in all"]
    parts.append(
        f"{counted(len(pieces), 'stretch', 'stretches')} of {counted(len({one.piece for one in pieces}), 'piece')}"
    )
    sentence = f"{'; '.join(parts)}, {clock(named_s)}, of which {sum(one.sure for one in pieces)} surely."
    return sentence + (f" {counted(failed, 'file')} could not be read." if failed else "")


def _recording(recording: Identified, folder: Path, picture: Callable[[Stretch], Path | None]) -> str:
    name = Path(recording.audio_path)
    address = quote(os.path.relpath(name.absolute(), folder.absolute()).replace(os.sep, "/"))
    rows = "".join(_row(one, folder, picture) for one in recording.stretches)
    return (
        f"<section><h2>{escape(name.name)}</h2>"
        f'<audio controls preload="none" src="{escape(address)}"></audio>'
        f"<table><tr><th>from</th><th>to</th><th>what</th><th>where</th><th>sure</th></tr>{rows}</table></section>"
    )


def _row(one: Stretch, folder: Path, picture: Callable[[Stretch], Path | None]) -> str:
    style = "nothing" if one.what != "piece" else "" if one.sure else "unsure"
    jump = f'<button type="button" data-start="{one.start_s:.2f}">{clock(one.start_s)}</button>'
    sure = f"{min(99, round(100 * one.confidence))} %" if one.what == "piece" else ""
    image = picture(one)
    shown = quote(image.relative_to(folder).as_posix()) if image else ""
    seen = f'<img loading="lazy" src="{escape(shown)}" alt="The page where it begins">' if image else ""
    return (
        f'<tr class="{style}"><td>{jump}</td><td>{clock(one.end_s)}</td><td>{escape(one.called)}{seen}</td>'
        f"<td>{escape(_where(one))}</td><td>{sure}</td></tr>"
    )


def _where(one: Stretch) -> str:
    """The first and the last place that are played."""
    if one.begins is None or one.ends is None:
        return ""
    first, last = place_words(one.begins), place_words(one.ends)
    if one.begins.page == one.ends.page:
        last = last.removeprefix(f"page {one.ends.page}, ")
    return first if first.endswith(last) else f"{first} to {last}"


def place_words(place: Place) -> str:
    """``page 1, system 5, measure 17``."""
    measure = f", measure {place.measure}" if place.measure else ""
    return f"page {place.page}, system {place.system}{measure}"


def clock(seconds: float) -> str:
    """``2:05``, or ``1:02:05``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 page``, ``2 pages``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
