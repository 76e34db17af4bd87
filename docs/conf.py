"""How Sphinx builds these pages: Markdown by MyST, Furo's look, the API from docstrings. `make docs` builds them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

project = "Earmark"
author = "The Earmark founders"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["build"]
suppress_warnings = ["config.cache"]

# Docstrings: single backticks are code. Names of other packages are not looked up: that would need the network.
default_role = "code"
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!earmark\.).*")]
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
add_module_names = False

myst_heading_anchors = 3
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "Earmark"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#8f4516", "color-brand-content": "#8f4516"},
    "dark_css_variables": {"color-brand-primary": "#e09a62", "color-brand-content": "#e09a62"},
}

OUTSIDE = re.compile(r"(?<!!)(\[[^\]]*\])\((\.\./[^)#]+)[^)]*\)")


def offer_files_outside(app: Sphinx, name: str, source: list[str]) -> None:
    """Links to files of the repository outside this folder become files that the pages offer."""
    source[0] = OUTSIDE.sub(r"\1(path:\2)", source[0])


def setup(app: Sphinx) -> None:
    app.connect("source-read", offer_files_outside)
