"""The glossary as a page: every word of screen, page and report with what it means."""

from __future__ import annotations

from html import escape

from daemon.views.glossary import TERMS, Term

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Glossary · Gnomon</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<link rel="stylesheet" href="/glossary.css">
</head>
<body>
<main class="words">
<p><a href="/">Back to the page</a></p>
<h1>What the words mean</h1>
<dl>
{terms}
</dl>
</main>
</body>
</html>
"""


def anchor(word: str) -> str:
    """Return the name by which a link finds a word."""
    return "-".join("".join(c if c.isalnum() else " " for c in word).split())


def glossary_page() -> str:
    """Return the page, self-contained but for its style."""
    return _PAGE.format(terms="\n".join(map(_term, TERMS)))


def _term(term: Term) -> str:
    other = f" <small>also: {escape(', '.join(term.other))}</small>" if term.other else ""
    return (
        f'<div id="{anchor(term.word)}"><dt>{escape(term.word)}{other}</dt>'
        f"<dd>{escape(term.means)}</dd></div>"
    )
