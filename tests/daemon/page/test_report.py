from __future__ import annotations

import asyncio
import re
from contextlib import closing
from pathlib import Path

import pytest

from daemon.instance.database import reading
from daemon.page.report import everything, last_week, page
from daemon.views.money import money
from shadow.store.store import open_readonly
from tests.support.closed_trades import MONDAY_NS, empty_db, put_trade
from tests.support.daemons import busy
from tests.support.report_example import example

DAY_NS = 86_400 * 10**9


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<(style|svg).*?</\1>|<[^>]+>", " ", html, flags=re.S).split())


def test_a_week_is_from_monday_to_monday() -> None:
    for day in (0, 3, 6):
        span = last_week(MONDAY_NS + day * DAY_NS + 5)
        assert (span.since_ns, span.until_ns) == (MONDAY_NS - 7 * DAY_NS, MONDAY_NS)
        assert span.title == "Week 48 of 2026, 23 Nov to 29 Nov"


def test_the_file_stands_alone_and_has_the_money_of_its_days(tmp_path: Path) -> None:
    made = busy(tmp_path)
    asyncio.run(made.close("over"))
    with reading(made.state) as db:
        newest = db.execute("SELECT MAX(closed_ns) FROM trade").fetchone()[0] + 1
        html, (whole,) = page(db, everything(newest), "local"), money(db)
        old = page(db, last_week(newest - 100 * DAY_NS), "local")
    assert not re.search(r"(src|href|url\()\s*=?\s*[\"']?(https?:)?//", html)
    text = text_of(html)
    net = f"{whole.net_usd:+,.2f}".replace("-", "−")
    assert f"The desk made {net} USD with {whole.trades} trades" in text
    assert html.count("<svg") > 2 and "@media print" in html
    assert "No trade has closed in these days." in text_of(old)


def test_limits_bots_and_verdicts_are_those_of_the_panels(tmp_path: Path) -> None:
    with closing(open_readonly(example(tmp_path / "gnomon.db"))) as db:
        text = text_of(page(db, everything(2 * 10**18), "paper-mainnet"))
    assert "1 of 3 limits are decided. direction saved most, +1,190 USD." in text
    assert "direction 420 420 +1,190 −0.56 PROTECTIVE PROTECTIVE" in text
    assert "volatility 31 31 −40 – UNDETERMINED too early: 10 of 20 days" in text


def test_names_from_outside_are_text_and_no_page() -> None:
    db = empty_db()
    put_trade(db, bot="<script>alert(1)</script>", gross_e6=1_000_000)
    html = page(db, everything(MONDAY_NS + DAY_NS), "<b>")
    assert "<script" not in html and "&lt;script&gt;" in html and "<b>" not in html.split("<b>")[0]


@pytest.mark.parametrize("share", [True, False])
def test_a_bot_whose_fees_exceed_gross_is_marked(share: bool) -> None:
    db = empty_db()
    put_trade(db, gross_e6=100_000 if share else -100_000, fees_e6=400_000)
    text = text_of(page(db, everything(MONDAY_NS + DAY_NS), "local"))
    assert ("▲ 400 %" if share else "▲ no gross") in text
    assert "Over all days, 1 bot pays more in fees than it earns before them." in text


def test_bots_that_pay_no_fees_or_earn_them_are_not_counted() -> None:
    db = empty_db()
    put_trade(db, bot="free", gross_e6=100_000, fees_e6=0)
    put_trade(db, bot="eaten", gross_e6=-100_000, fees_e6=400_000)
    put_trade(db, bot="eaten_too", gross_e6=100_000, fees_e6=400_000)
    text = text_of(page(db, everything(MONDAY_NS + DAY_NS), "local"))
    assert "Over all days, 2 bots pay more in fees than they earn before them." in text
