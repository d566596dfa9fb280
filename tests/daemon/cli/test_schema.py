from __future__ import annotations

import json

import pytest

from daemon.views.schemas import VIEWS, schema
from tests.daemon.cli.conftest import Cli


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_s_schema_is_printed(name: str, cli: Cli) -> None:
    ran = cli("schema", name)
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == schema(name)


def test_an_unknown_view_names_those_there_are(cli: Cli) -> None:
    ran = cli("schema", "mood")
    assert (ran.code, ran.out) == (2, "") and "no view 'mood'; there are status, " in ran.err
    for name in VIEWS:
        assert name in ran.err
    assert cli("schema").code == 2
