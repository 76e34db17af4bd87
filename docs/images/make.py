"""The pictures of README.md and of the guide, made anew from the demo: ``python docs/images/make.py``.

Needs `make demo` before, the `web` and `dev` extras, and Chromium. Everything happens on this machine: the page is
served on the loopback interface and opened by a headless browser.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DEMO = ROOT / "demo"
LIBRARY = DEMO / "out" / "library"
RECORDING = DEMO / "recordings" / "joplin-entertainer.ogg"
EARMARK = str(Path(sys.executable).with_name("earmark"))
CHROMIUM = "/usr/bin/chromium"
MUSIC = (0.04, 0.05, 0.96, 0.635)
"""The part of the drawn page that has music: x0, y0, x1, y1 in fractions."""


def found_page() -> Image.Image:
    """The page that `earmark find --draw` writes, without its empty half."""
    subprocess.run([EARMARK, "find", LIBRARY, RECORDING, "--draw", DEMO / "out"], check=True)
    page = Image.open(DEMO / "out" / f"{RECORDING.stem}.png").convert("RGB")
    (x0, y0, x1, y1), (width, height) = MUSIC, page.size
    return page.crop((round(x0 * width), round(y0 * height), round(x1 * width), round(y1 * height)))


def answered_query(page: Page, home: str) -> Image.Image:
    """The browser's view of the same query, ten seconds into the recording."""
    page.goto(home)
    page.set_input_files("#ask-input", RECORDING)
    page.wait_for_selector("text=% sure")
    page.wait_for_selector("#query-player [data-do=forth]:enabled")  # then the recording can be followed
    player = page.locator("#query-player input[type=range]")
    player.evaluate("(range) => { range.value = 10; range.dispatchEvent(new Event('input', { bubbles: true })); }")
    page.wait_for_selector("#query-player >> text=Page 1, system")
    page.wait_for_function("() => document.querySelector('#query .score-sheet img').naturalWidth > 0")
    page.wait_for_timeout(5000)  # the small pictures come after the page
    return Image.open(io.BytesIO(page.screenshot()))


def save(image: Image.Image, name: str, width: int, colours: int) -> None:
    """Writes a small PNG: ``width`` px wide, of so many colours."""
    small = image.convert("RGB").resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    small.quantize(colours, kmeans=3).save(HERE / name, optimize=True)


def main() -> None:
    save(found_page(), "found-page.png", 900, 48)
    serving = subprocess.Popen([EARMARK, "serve", LIBRARY, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert serving.stdout is not None
        home = serving.stdout.readline().strip()
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            window = browser.new_page(viewport={"width": 1180, "height": 820}, device_scale_factor=2)
            save(answered_query(window, home), "browser.png", 1180, 64)
            browser.close()
    finally:
        serving.terminate()
        serving.wait()


if __name__ == "__main__":
    main()
