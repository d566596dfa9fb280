"""The daemon on a venue where everything goes wrong, one thing after the other."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

from tests.support.process import PATIENCE_S, gnomon, query, running, sound, status, until

COINS = ("BTC", "ETH", "SOL", "DOGE")
# Drawn by share of requests that may not come; delisting changes the market and hits no frame.
SILENT = {"http_502", "http_429", "delisting"}

PLAN = """
seed = 5
after_connect = true

# While it starts: the listing holds junk, questions fail now and then, acknowledgements get lost.
[[fault]]
name = "junk_metadata"
for_s = 600.0

[[fault]]
name = "http_502"
for_s = 600.0
request = "candleSnapshot"
share = 0.1

[[fault]]
name = "http_429"
for_s = 600.0
request = "fundingHistory"
share = 0.1

[[fault]]
name = "missing_ack"
for_s = 3.0

[[fault]]
name = "duplicate"
at_s = 3.0
for_s = 1.0

[[fault]]
name = "reorder"
at_s = 4.0
for_s = 1.5

[[fault]]
name = "garbage"
at_s = 5.5
for_s = 1.0
share = 0.2

[[fault]]
name = "truncated_frame"
at_s = 6.5
for_s = 0.7
share = 0.1

[[fault]]
name = "stall"
at_s = 7.2
for_s = 1.5

[[fault]]
name = "slow_stream"
at_s = 8.7
for_s = 2.0
lag_ms_per_s = 500.0

[[fault]]
name = "one_sided"
at_s = 11.0
for_s = 1.0
side = "bids"

[[fault]]
name = "one_sided"
at_s = 12.0
for_s = 1.0
side = "both"
coin = "ETH"

[[fault]]
name = "frozen_book"
at_s = 13.0
for_s = 1.5

[[fault]]
name = "clock_skew"
at_s = 14.5
for_s = 1.0
skew_ms = 90_000

[[fault]]
name = "clock_skew"
at_s = 15.5
for_s = 1.0
skew_ms = -90_000

[[fault]]
name = "truncated_frame"
at_s = 16.5
for_s = 1.0
share = 0.1
cut = "wire"

# Longer than the daemon needs to be back from the frames that were cut.
[[fault]]
name = "disconnect"
at_s = 17.5
for_s = 1.5
lives_s = 0.1

[[fault]]
name = "delisting"
at_s = 18.0
coin = "DOGE"

# Freezes the connections that are there: the daemon has to be back from the disconnect.
[[fault]]
name = "half_open"
at_s = 22.0
for_s = 600.0
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_daemon_lives_through_every_fault_of_market_data(tmp_path: Path) -> None:
    plan = write(tmp_path, "plan.toml", PLAN)
    state = tmp_path / "s"
    with running("venue", "--port", "0", "--faults", plan) as venue:
        venue.wait_for("http://127.0.0.1:")
        urls = json.loads(next(line for line in venue.lines if line.startswith("{")))
        config = write(
            tmp_path,
            "gnomon.toml",
            f'mode = "paper"\ncoins = {json.dumps(COINS)}\n'
            "[feed]\nreconnect_max_s = 1.0\n[lens]\nenabled = false\n"
            f'[venue.testnet]\nws_url = "{urls["ws"]}"\nrest_url = "{urls["http"]}"\n',
        )
        options = ("--plain", "--config", config, "--state", state)
        with running("run", *options) as daemon:
            daemon.wait_for("ready")
            venue.wait_for("fault half_open", timeout=2 * PATIENCE_S)
            for name in re.findall(r'name = "(\w+)"', PLAN):
                assert f"fault {name} " in venue.text() or name in SILENT
            lost = daemon.text().count("feed down")
            until(lambda: daemon.text().count("feed down") > lost, "the frozen line to be given up")
            until(lambda: recovered(state), "the books of the coins that are left")
            found = status(state)
            assert found["bots"]
            assert not any(bot["fault"] for bot in found["bots"].values())
            assert "not_json" in found["violations"]
            assert daemon.end(signal.SIGTERM) == 0
    assert not query(state, "SELECT * FROM alarm WHERE kind = 'bot_fault'", "paper-testnet")
    sound(state)
    replayed = json.loads(gnomon("replay", state / "paper-testnet" / "tape", "--json").stdout)
    assert replayed["digest_match"] is True


def recovered(state: Path) -> bool:
    """Say whether every coin has a book but the one that was delisted."""
    feeds = {feed["coin"]: feed["ok"] for feed in status(state)["feeds"]}
    return feeds == {coin: coin != "DOGE" for coin in COINS}


def test_a_plan_with_a_mistake_is_the_operators_business(tmp_path: Path) -> None:
    plan = write(tmp_path, "plan.toml", '[[fault]]\nname = "stall"\nfor_s = "long"\n')
    done = gnomon("venue", "--port", "0", "--faults", plan)
    assert done.returncode == 78
    (line,) = done.stderr.strip().splitlines()
    assert "plan.toml: fault 1 (stall): for_s: Expected `float`, got `str`" in line
    assert "docs/faults.md" in line


def test_a_seed_is_a_plan() -> None:
    with running("venue", "--port", "0", "--faults", "seed:7") as venue:
        venue.wait_for("http://127.0.0.1:")
        assert venue.end(signal.SIGTERM) == 0
