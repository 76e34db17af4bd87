"""`earmark serve`: a library's page and its JSON API on this machine (see ``app`` for how the parts fit)."""
