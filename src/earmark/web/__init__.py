"""``earmark serve``: a library's page and its JSON API on this machine; `earmark.web.app` shows how the parts fit."""
