"""How Sphinx builds these pages: Markdown by MyST, Furo's look, the API from docstrings. `make docs` builds them."""

from __future__ import annotations

import sys
from pathlib import Path

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
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
python_use_unqualified_type_names = True

myst_heading_anchors = 3
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "Earmark"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
