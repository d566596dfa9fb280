from __future__ import annotations

import re

from daemon.views.glossary import TERMS
from daemon.web.glossary import anchor, glossary_page
from daemon.web.server import STATIC


def test_every_word_of_the_glossary_can_be_linked_to() -> None:
    page = glossary_page()
    anchors = re.findall(r'id="([\w-]+)"', page)
    assert len(anchors) == len(set(anchors)) == len(TERMS)
    assert anchor("one look, any day") == "one-look-any-day"
    # The sign for an observing limit stands in a text; nothing of a text is markup.
    assert "“no effect”" in page and not re.search(r"<script|style=", page)


def test_links_of_the_page_lead_to_words_that_are_there() -> None:
    linked = set(re.findall(r"/glossary#([\w-]+)", (STATIC / "page.html").read_text()))
    assert linked and linked <= {anchor(term.word) for term in TERMS}
