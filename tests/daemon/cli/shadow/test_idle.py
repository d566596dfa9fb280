from __future__ import annotations

import json
from pathlib import Path

from tests.daemon.cli.conftest import Cli, Story


def test_the_ladder_of_a_daemon_at_rest_is_told(cli: Cli, story: Story, tmp_path: Path) -> None:
    ran = cli("why", "--idle", "--state", story.root)
    first, *rungs = ran.out.splitlines()
    assert first == "Why does nothing trade? no daemon answers; `gnomon run` starts one"
    assert rungs[0].split()[:3] == ["FINDING", "daemon", "runs"]
    found = json.loads(cli("why", "--idle", "--state", story.root, "--json").out)
    assert len(found["rungs"]) == len(rungs) and found["bot"] == ""
    fresh = cli("why", "--idle", "donchian", "--state", tmp_path / "none")
    assert fresh.code == 0 and fresh.out.startswith("donchian: no daemon answers")
    wrong = cli("why", "--idle", "moon", "--state", story.root)
    assert wrong.code == 2 and "there are donchian" in wrong.err


def test_a_signal_s_number_is_asked_for_where_it_is_missing(cli: Cli) -> None:
    for arguments in ((), ("donchian",)):
        ran = cli("why", *arguments)
        assert ran.code == 2 and "gnomon why --idle BOT" in ran.err
