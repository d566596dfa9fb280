from __future__ import annotations

import json

from daemon.views.glossary import TERMS
from tests.daemon.cli.conftest import Cli


def test_all_words_or_one_are_told(cli: Cli) -> None:
    lines = cli("glossary").out.splitlines()
    assert len(lines) >= len(TERMS) and max(map(len, lines)) <= 100
    assert cli("glossary", "phantom").out.startswith("phantom  the trade that a blocked signal")
    rows = json.loads(cli("glossary", "limit", "--json").out)
    assert [row["word"] for row in rows] == ["limit"]
    wrong = cli("glossary", "moon")
    assert wrong.code == 2 and "`gnomon glossary` lists them all" in wrong.err
