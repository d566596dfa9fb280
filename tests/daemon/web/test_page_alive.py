"""The page over the life of a daemon: it starts, trades, is halted, dies and comes back."""

from __future__ import annotations

import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from daemon.instance.paths import StateDir
from tests.support.browser import DESK, PHONE, Seen, chromium, served
from tests.support.closed_trades import put_trade, writable
from tests.support.process import gnomon, running, until

TRADES = 100_000
ALARMED = """() =>
  document.querySelector("#strip [data-key=Alarms] dd").textContent.startsWith("1 halt")"""


def waits(seen: Seen, state: str) -> None:
    seen.page.wait_for_selector(f"[data-state={state}]", timeout=60_000)


@pytest.mark.long
def test_the_page_runs_halts_dies_and_comes_back_with_its_daemon(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state", "local")
    shots = tmp_path / "shots"
    run = ("run", "--plain", "--no-web", "--state", tmp_path / "state")
    with chromium() as browser, running(*run) as daemon:
        daemon.wait_for("entry filled", 90)
        with served(state) as url:
            windows = [Seen(browser, url, width) for width in (DESK, PHONE)]
            for seen in windows:
                waits(seen, "ok")
                _says_what_the_daemon_says(seen, url)
                seen.shot(f"running-{seen.width}", shots)

            assert (
                gnomon("halt", "--reason", "a pause", "--state", tmp_path / "state").returncode == 0
            )
            for seen in windows:
                waits(seen, "halted")
                assert "a pause" in seen.text("#banner")
                assert "gnomon resume" in seen.text("#banner")
                seen.shot(f"halted-{seen.width}", shots)
            assert gnomon("resume", "--state", tmp_path / "state").returncode == 0
            for seen in windows:
                waits(seen, "ok")
                # One alarm: that it was halted. That it was resumed is none.
                seen.wait(ALARMED)

            daemon.end(signal.SIGKILL)
            for seen in windows:
                waits(seen, "silent")
                assert "not now" in seen.text("#banner")
                assert "unknown" in seen.text("#strip")
                assert seen.page.evaluate("getComputedStyle(document.querySelector('.grid')).opacity") < "0.7"  # fmt: skip  # noqa: E501
                seen.shot(f"silent-{seen.width}", shots)

            with running(*run) as again:
                for seen in windows:
                    waits(seen, "ok")
                    assert "old" not in (seen.page.get_attribute("body", "class") or "")
                    assert seen.fits() and seen.elsewhere == [] and seen.faults == []
                    seen.shot(f"back-{seen.width}", shots)
                assert again.end(signal.SIGTERM) == 0
            for seen in windows:
                waits(seen, "stopped")


def _says_what_the_daemon_says(seen: Seen, url: str) -> None:
    """Hold equity and each open trade's mark against the server's answers, as they move."""

    def told(name: str) -> Any:
        with urllib.request.urlopen(f"{url}api/{name}") as answer:
            return json.loads(answer.read())

    def equity_is_near() -> bool:
        shown = float(seen.text("#equity-now").replace(",", ""))
        return abs(shown - told("status")["status"]["equity_usd"]) < 5.0

    until(equity_is_near, "equity of now")
    seen.page.wait_for_selector("#coin-chart canvas")
    assert seen.text("#coin-read").endswith("h")
    # Drawn again for another coin and back, nothing of the legend is lost.
    legend = seen.text("#coin-key")
    assert "entry" in legend and "phantom ended" in legend
    seen.page.evaluate("dispatchEvent(new Event('resize'))")
    seen.page.wait_for_timeout(400)
    assert seen.text("#coin-key") == legend
    assert seen.page.locator("#coin-key svg").count() == 6
    first = seen.text("#equity-now")
    until(lambda: seen.text("#equity-now") != first, "equity that moves")


@pytest.mark.long
def test_a_hundred_thousand_trades_do_not_delay_the_first_paint(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    first = put_trade(db, gross_e6=2_000_000, fees_e6=1_000_000)
    db.execute("BEGIN")
    names = [name for name, *_ in db.execute("SELECT * FROM trade").description]
    row = dict(zip(names, db.execute("SELECT * FROM trade").fetchone(), strict=True))
    marks = ", ".join(f":{name}" for name in names)
    bots = ("donchian", "order_flow", "bollinger", "premium_reversion")
    db.executemany(
        f"INSERT INTO trade VALUES ({marks})",
        (
            row
            | {
                "trade_id": first + i,
                "bot": bots[i % len(bots)],
                "closed_ns": row["closed_ns"] + i * 10**9,
            }
            for i in range(1, TRADES)
        ),
    )
    db.execute("COMMIT")
    db.close()
    with chromium() as browser, served(state) as url:
        Seen(browser, url, PHONE)  # the browser is warm, and the server's views are read
        seen = Seen(browser, url, DESK)
        waited = seen.page.evaluate("performance.now()")
        paint = seen.page.evaluate("performance.getEntriesByType('paint')[0].startTime")
        closed = seen.cells("#money-table tr[data-key='Trades closed']")[-1]
    assert closed == f"{TRADES:,}"
    assert paint < 1_000, (paint, waited)
