from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from daemon.instance.paths import StateDir
from daemon.web.server import STATIC
from tests.support.browser import DESK, PHONE, Seen, chromium, served
from tests.support.closed_trades import put_trade
from tests.support.daemons import busy
from tests.support.report_example import example

WIDTHS = (DESK, PHONE)
# A name that would do harm if it were taken for markup.
HOSTILE = "<img src=x onerror=document.title='taken'>"


class World:
    """A desk that traded and one with decided limits, each with its page in both widths."""

    def __init__(self, browser: Browser, traded: str, judged: str, shots: Path) -> None:
        self.browser, self.shots = browser, shots
        self.url, self.judged_url = traded, judged
        self.traded = {width: Seen(browser, traded, width) for width in WIDTHS}
        self.judged = {width: Seen(browser, judged, width, scheme="dark") for width in WIDTHS}

    def told(self, name: str, url: str = "") -> Any:
        """Return what the server says of a panel."""
        with urllib.request.urlopen(f"{url or self.url}api/{name}") as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("page")
    # The browser's driver keeps a loop of its own in this thread: what needs one comes first.
    daemon = busy(root / "traded")
    asyncio.run(daemon.close("over"))
    with closing(sqlite3.connect(daemon.state.database, isolation_level=None)) as db:
        put_trade(db, bot=HOSTILE, gross_e6=1_000_000, fees_e6=3_000_000)
    state = StateDir(root / "judged", "local")
    state.create()
    example(state.database)
    with chromium() as browser, served(daemon.state) as traded, served(state) as judged:
        yield World(browser, traded, judged, root / "shots")


def signed(usd: float, digits: int = 2) -> str:
    text = f"{abs(usd):,.{digits}f}"
    return text if not float(text.replace(",", "")) else ("−" if usd < 0 else "+") + text


def test_money_says_what_the_database_says(world: World) -> None:
    told = world.told("panels/money")
    for width in WIDTHS:
        seen = world.traded[width]
        for name, key in (("Price", "price_usd"), ("Fees", "fees_usd"), ("Net", "net_usd")):
            row = seen.cells(f"#money-table tr[data-key='{name}']")
            assert row[2] == signed(told["all"][key]), (width, name)
        assert seen.cells("#money-table tr[data-key='Trades closed']")[2] == "14"
        equity = told["ranges"]["all"]["equity_usd"][-1]
        assert seen.text("#equity-now") == f"{equity:,.2f}"
        assert seen.page.locator("#equity-chart canvas").count() == 1


def test_a_range_is_chosen_by_a_click(world: World) -> None:
    seen = world.traded[DESK]
    assert seen.page.get_attribute("[data-range=all]", "aria-pressed") == "true"
    seen.page.click("[data-range=day]")
    assert seen.page.get_attribute("[data-range=day]", "aria-pressed") == "true"
    assert seen.page.get_attribute("[data-range=all]", "aria-pressed") == "false"


def test_limits_show_count_worth_interval_and_verdict(world: World) -> None:
    told = {row["name"]: row for row in world.told("panels/limits", world.judged_url)["rows"]}
    for width in WIDTHS:
        seen = world.judged[width]
        assert set(seen.page.eval_on_selector_all("tr.lim", "rows => rows.map(r => r.dataset.limit)")) == set(told)  # fmt: skip  # noqa: E501
        for name, row in told.items():
            if row["kind"] == "rule":
                assert seen.page.locator(f"tr[data-limit={name}] .chip").count() == 0
                continue
            text = seen.text(f"tr[data-limit={name}]")
            assert row["verdict"] in text, (width, name)
            assert f"{row['only_this']:,}" in text
            if row["value_usd"] is not None and row["only_this"]:
                assert signed(row["value_usd"], 0) in text
            drawn = seen.page.locator(f"tr[data-limit={name}] .a-i circle").count()
            assert drawn == (row["bar"] is not None)
        groups = seen.page.locator("#limits-table tr.grp").all_inner_texts()
        assert groups[0].startswith("Decided · 1") and groups[-1].startswith("Rules")
        assert groups[-2].strip() == "Sanity row"
        assert "1 of 3 limits" in seen.text("#limits-answer")


def test_a_limit_opens_on_a_click_and_closes_on_the_next(world: World) -> None:
    told = world.told("limit/direction", world.judged_url)
    for width in WIDTHS:
        seen = world.judged[width]
        seen.page.click("tr[data-limit=direction]")
        seen.page.wait_for_selector("#limit-chart canvas")
        assert seen.text("#limit-sentence") == told["row"]["sentence"]
        opened = seen.text("tr.detail")
        assert f"{told['row']['blocked']:,}, {told['row']['only_this']:,} of them alone" in opened
        assert seen.fits()
        seen.shot(f"limit-{width}-dark", world.shots)
        seen.page.click("tr[data-limit=direction]")
        assert seen.page.locator("tr.detail").count() == 0


def test_an_opened_limit_names_its_best_and_worst_block_and_fits_a_phone(world: World) -> None:
    told = world.told("limit/direction")
    assert told["best"]["r"] > told["worst"]["r"]
    for width in WIDTHS:
        seen = world.traded[width]
        seen.page.click("tr[data-limit=direction]")
        seen.page.wait_for_selector("table.eps")
        text = seen.text("tr.detail")
        for which in ("best", "worst"):
            assert f"{signed(told[which]['r'])} R {told[which]['bot']}" in text
        assert seen.page.locator("table.eps tbody tr").count() == len(told["episodes"])
        assert told["episodes"][0]["reason"] in {"stopped out", "time was up", "the bot left"}
        assert seen.fits()
        seen.shot(f"blocks-{width}", world.shots)
        seen.page.click("tr[data-limit=direction]")


def test_bots_are_sorted_and_flagged_where_fees_exceed_gross(world: World) -> None:
    told = {row["bot"]: row for row in world.told("panels/bots")["rows"]}
    for width in WIDTHS:
        seen = world.traded[width]
        names = seen.page.locator("#bots-table tbody td:first-child").all_inner_texts()
        assert set(names) == set(told) and HOSTILE in names
        nets = [told[name]["net_usd"] for name in names if told[name]["trades"]]
        assert nets == sorted(nets, reverse=True)
        row = seen.text(f'#bots-table tr[data-key="{HOSTILE}"]')
        assert "▲ 3.0×" in row and signed(-2.0, 2 if width == DESK else 0) in row
        seen.page.click("[data-sort=bot]")
        names = seen.page.locator("#bots-table tbody td:first-child").all_inner_texts()
        assert names == sorted(names)
        seen.page.click("[data-sort=net_usd]")


def test_names_from_the_database_are_text(world: World) -> None:
    for width in WIDTHS:
        page = world.traded[width].page
        assert page.locator("main img").count() == 0
        assert page.title() != "taken"


def test_holdings_name_each_trade_and_each_phantom(world: World) -> None:
    told = world.told("panels/holdings")
    rows = [row for coin in told["coins"] for row in coin["rows"]]
    assert told["trades"] and told["phantoms"]
    for width in WIDTHS:
        seen = world.traded[width]
        folded = seen.page.locator("[data-unfold]")
        assert folded.count() and "more phantoms" in folded.first.inner_text()
        for i in range(folded.count()):
            folded.nth(i).click()
        held = "#holdings-table tr.pos:not([data-key^=more])"
        assert seen.page.locator(held).count() == len(rows)
        assert seen.page.locator(f"{held}.ph").count() == told["phantoms"]
        for row in rows:
            text = seen.text(f"#holdings-table tr[data-key='{row['trade_id']}']")
            assert row["bot"][:6] in text and f"{row['size_usd']:,.0f}" in text
        opposed = sum(coin["opposed"] for coin in told["coins"])
        assert seen.page.locator("#holdings-table .opp").count() == opposed


def test_the_feed_tells_the_newest_first_and_why_on_a_click(world: World) -> None:
    told = world.told("panels/feed")["events"]
    block = next(i for i, event in enumerate(told) if event["kind"] == "block")
    why = world.told(f"why/{told[block]['signal_id']}")["lines"]
    for width in WIDTHS:
        seen = world.traded[width]
        assert seen.page.locator("#feed-list li").count() == len(told)
        first = seen.page.locator("#feed-list .nw").all_text_contents()[: len(told)]
        assert [told[i]["coin"] in text for i, text in enumerate(first)] == [True] * len(told)
        if seen.page.is_visible("#feed-more"):
            seen.page.click("#feed-more")
        seen.page.locator("#feed-list button").nth(block).click()
        seen.page.wait_for_function(
            "text => document.querySelector('pre.why')?.textContent.includes(text)", arg=why[-1]
        )
        assert seen.page.inner_text("pre.why").split("\n")[0] == why[0]


def test_taken_against_blocked_by_any_filter(world: World) -> None:
    told = world.told("panels/blocked")
    seen = world.traded[DESK]
    for name in ("", *told["by"]):
        seen.page.select_option("#against-filter", name)
        line = told["by"][name] if name else told["any"]
        answer = seen.text("#against-answer")
        assert f"Taken {signed(told['taken'][-1])} USD" in answer
        if any(line) or any(told["taken"]):
            assert f"would have made {signed(line[-1])} USD" in answer
    seen.page.select_option("#against-filter", "")


def test_lenses_weights_and_system_stand_beside_their_limits(world: World) -> None:
    for width in WIDTHS:
        seen = world.traded[width]
        for row in world.told("panels/system")["rows"]:
            cells = seen.text(f"#system-table tr[data-key='{row['name']}']")
            assert row["name"] in cells
        assert "All weights are 1.00" in seen.text("#weights-chart")
        assert (
            seen.text("#coin-chart") == "Candles are read from the running daemon; it does not run."
        )


def test_a_stopped_daemon_is_never_shown_as_present(world: World) -> None:
    for width in WIDTHS:
        seen = world.traded[width]
        seen.page.wait_for_selector("[data-state=stopped]")
        assert "Daemon stopped" in seen.text("#strip") and "gnomon run" in seen.text("#banner")
        assert "old" in (seen.page.get_attribute("body", "class") or "")
        assert "unknown" in seen.text("#strip [data-key=Feed]")
        assert seen.page.title().startswith("■ Daemon stopped")


FACES: dict[str, tuple[dict[str, Any], str]] = {
    "ok": ({"tick": {}}, "All right"),
    "stale": ({"tick": {"feed": {"ok": 0, "of": 4, "newest_ms": 31_000}}}, "No tick for 31 s."),
    "halted": (
        {"tick": {"halted": "operator: a <b>pause</b>"}},
        "halted by operator: a <b>pause</b>. ",
    ),
    "starting": ({"state": "starting", "words": "reads candles"}, "reads candles"),
    "silent": ({"state": "silent"}, "not now"),
    "never": ({"state": "never"}, "Nothing has run in this folder."),
    "version": ({"readable": False, "words": "written by version 9"}, "written by version 9"),
    "cut": ({"cut": 31_000}, "does not answer"),
    "partly": ({"halted": True}, "donchian on BTC: halted by operator, a pause."),
    "faulted": ({"fault": "divided by zero"}, "donchian: divided by zero"),
}


@pytest.mark.parametrize("face", FACES)
def test_each_state_has_a_word_a_reason_and_the_command(world: World, face: str) -> None:
    given, words = FACES[face]
    seen = world.traded[PHONE if face == "halted" else DESK]
    shown = seen.page.evaluate(
        """async ({tick, state = "running", words = "", readable = true, cut = 0, fault = "",
            halted}) => {
          const {drawStatus} = await import("/page/status.js"), now = Date.now();
          const live = {uptime_s: 60, feeds: [], clock: {}, bots: {donchian: {fault}}, halted: []};
          const scope = {bot: "donchian", coin: "BTC", by: "operator", why: "a pause", resume: "x"};
          if (halted) live.halted.push(scope);
          const runs = state === "running", release = ["gnomon resume"];
          const status = {state, words, readable, since_ms: now - 60000, halts: {}, latched: "",
            release, status: runs ? live : null, loss: null};
          const feed = {ok: 4, of: 4, newest_ms: 100};
          const beat = {now_ms: now, state, halted: "", latched: "", feed, ...tick};
          const known = {status, tick: runs ? beat : {now_ms: now, state}, cutMs: cut};
          const face = drawStatus(known, now), text = (id) => document.getElementById(id).innerText;
          return [face, text("strip") + text("banner")];
        }""",
        given,
    )  # fmt: skip
    assert shown[0] == face and words in shown[1]
    if face == "halted":
        assert "gnomon resume" in shown[1]


def test_nothing_is_asked_elsewhere_nothing_fails_and_nothing_is_wider_than_the_phone(
    world: World,
) -> None:
    for name, windows in (("traded", world.traded), ("judged", world.judged)):
        for width, seen in windows.items():
            seen.shot(f"{name}-{width}", world.shots)
            assert seen.faults == [] and seen.elsewhere == []
            assert seen.fits(), (name, width)
            assert seen.page.locator("[style]:not(.uplot *):not(.uplot)").count() == 0


def test_the_page_is_small(world: World) -> None:
    loaded = world.traded[DESK].page.evaluate(
        "performance.getEntriesByType('resource').map(e => new URL(e.name).pathname)"
    )
    files = [STATIC / path.lstrip("/") for path in loaded if (STATIC / path.lstrip("/")).is_file()]
    assert {file.name for file in files} >= {"page.js", "uPlot.min.js", "kit.js", "page.css"}
    size = sum(file.stat().st_size for file in {*files, STATIC / "page.html"})
    assert 50_000 < size <= 150 * 1024
    # The quickest of the windows: the browser itself was starting in the first.
    paint = "performance.getEntriesByType('paint')[0].startTime"
    windows = (*world.traded.values(), *world.judged.values())
    assert min(seen.page.evaluate(paint) for seen in windows) < 1_000


def test_markup_has_no_script_and_no_style_of_its_own() -> None:
    text = (STATIC / "page.html").read_text()
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=|https?://", text)
    for path in [STATIC / "page.js", *STATIC.glob("page/*.js")]:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", path.read_text()
        )
