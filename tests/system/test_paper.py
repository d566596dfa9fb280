"""Paper mode is the same daemon on URLs of the configuration; here they name the local venue."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.mean_venue import BAD_FRAMES, mean_venue
from tests.support.process import Process, gnomon, query, running, sound, status, until

COINS = ("BTC", "ETH", "SOL")


def write_config(path: Path, http: str, ws: str, extra: str = "") -> Path:
    path.write_text(
        f'mode = "paper"\ncoins = {json.dumps(COINS)}\n{extra}\n'
        f'[venue.testnet]\nws_url = "{ws}"\nrest_url = "{http}"\n'
        "[feed]\nreconnect_max_s = 1.0\n[lens]\nenabled = false\n"
    )
    return path


@contextmanager
def venue(port: int = 0) -> Iterator[tuple[Process, str, str]]:
    with running("venue", "--port", str(port)) as process:
        process.wait_for("http://127.0.0.1:")
        urls = json.loads(next(line for line in process.lines if line.startswith("{")))
        yield process, urls["http"], urls["ws"]


def test_paper_mode_trades_a_feed_named_in_the_configuration(tmp_path: Path) -> None:
    with venue() as (_, http, ws):
        config = write_config(tmp_path / "gnomon.toml", http, ws)
        options = ("--plain", "--config", config, "--state", tmp_path / "s")
        with running("run", *options) as daemon:
            daemon.wait_for("ready")
            found = status(tmp_path / "s")
            assert found["mode"] == "paper-testnet"
            assert [feed["coin"] for feed in found["feeds"]] == list(COINS)
            assert daemon.end(signal.SIGTERM) == 0
    about = dict(query(tmp_path / "s", "SELECT key, value FROM about", "paper-testnet"))
    assert (about["mode"], about["network"]) == ("paper-testnet", "testnet")


def test_the_daemon_outlives_its_venue_and_takes_up_where_it_was(tmp_path: Path) -> None:
    with venue() as (first, http, ws):
        port = int(http.rsplit(":", 1)[1])
        config = write_config(tmp_path / "gnomon.toml", http, ws)
        options = ("--plain", "--config", config, "--state", tmp_path / "s")
        with running("run", *options) as daemon:
            daemon.wait_for("ready")
            assert first.end(signal.SIGTERM) == 0
            daemon.wait_for("feed down")
            until(lambda: not any(f["ok"] for f in status(tmp_path / "s")["feeds"]), "no book")
            with venue(port):
                until(lambda: all(f["ok"] for f in status(tmp_path / "s")["feeds"]), "all books")
                assert daemon.end(signal.SIGTERM) == 0
    sound(tmp_path / "s")
    replayed = gnomon("replay", tmp_path / "s" / "paper-testnet" / "tape", "--json")
    assert json.loads(replayed.stdout)["digest_match"] is True


def test_a_daemon_waits_for_a_venue_that_is_not_there_yet(tmp_path: Path) -> None:
    config = write_config(tmp_path / "gnomon.toml", "http://127.0.0.1:9", "ws://127.0.0.1:9/ws")
    with running("run", "--plain", "--config", config, "--state", tmp_path / "s") as daemon:
        daemon.wait_for("venue unreachable")
        assert daemon.end(signal.SIGTERM, timeout=10.0) in (0, -signal.SIGTERM)


def test_bad_frames_are_counted_and_change_nothing_else(tmp_path: Path) -> None:
    with venue() as (_, http, _ws), mean_venue(http, every=25) as mean:
        config = write_config(tmp_path / "gnomon.toml", mean.http, mean.ws)
        options = ("--plain", "--config", config, "--state", tmp_path / "s")
        with running("run", *options) as daemon:
            daemon.wait_for("ready")
            until(lambda: len(mean.sent) == len(BAD_FRAMES), "one bad frame of each kind")
            mean.cut()
            until(lambda: mean.connections >= 2, "a second connection")
            until(lambda: status(tmp_path / "s")["connects"] >= 2, "the daemon to notice")
            kinds = set(status(tmp_path / "s")["violations"])
            assert {"not_json", "unknown_channel", "wrong_coin", "bad_level"} <= kinds
            until(lambda: status(tmp_path / "s")["connected"], "the feed to be back")
            assert daemon.end(signal.SIGTERM) == 0
    assert not query(
        tmp_path / "s", "SELECT * FROM alarm WHERE kind = 'bot_fault'", "paper-testnet"
    )
    sound(tmp_path / "s")
    replayed = json.loads(
        gnomon("replay", tmp_path / "s" / "paper-testnet" / "tape", "--json").stdout
    )
    assert replayed["digest_match"] is True
    assert replayed["violations"]
