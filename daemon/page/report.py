"""The report as one HTML file: the page's panels on money, limits and bots, for reading and print.

Everything is in the file, styles and drawings too: it opens from a mail, on a phone, without a
network, light or dark, and prints.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from sqlite3 import Connection

from msgspec import Struct

from daemon.page.svg import Curve, chart, interval, number, spark, tone
from daemon.views.money import EquityLine, Money, equity_line, money
from daemon.views.panels.blocked import BlockedPanel, blocked_panel
from daemon.views.panels.bots import BotRow, BotsPanel, bots_panel
from daemon.views.panels.limits import LimitRow, LimitsPanel, limits_panel

CSS = Path(__file__).parents[1] / "web" / "static" / "page.css"
OWN = """
.gr{fill:none;stroke:var(--line)}.ln{fill:none;stroke-width:1.5;stroke:var(--ink3)}
.ln.a{stroke:var(--accent)}.ln.g{stroke:var(--gain)}.ln.l{stroke:var(--loss)}
.sh{fill:var(--loss-t)}.tk{opacity:.38;fill:var(--ink2)}.dt{fill:var(--ink2)}
.tk.g,.dt.g,.lb.g{fill:var(--gain)}.tk.l,.dt.l,.lb.l{fill:var(--loss)}
.ax,.lb{font-size:11px;fill:var(--ink3)}.lb.a{fill:var(--accent)}
h1{font-size:24px;line-height:32px;font-weight:620;margin-top:12px}
.say{max-width:76ch;font-size:15px;line-height:23px;color:var(--ink2);margin:6px 0 0}
.say b{color:var(--ink)}svg{max-width:100%}.ch{max-width:860px}.t td svg{margin:0}
.t .la{text-align:left}.t td.wr{white-space:normal}section{break-inside:avoid;overflow-x:auto}
@media print{body{background:#fff}.wrap{max-width:none;padding:0}}
"""
DAY_NS = 86_400 * 10**9


class Span(Struct, frozen=True):
    """What a report covers: [since, until) in ns, and its title."""

    title: str
    since_ns: int
    until_ns: int


def last_week(now_ns: int) -> Span:
    """Return the last whole week, Monday to Monday UTC."""
    today = datetime.fromtimestamp(now_ns // 10**9, UTC).date()
    monday = today - timedelta(days=today.weekday())
    first = monday - timedelta(days=7)
    sunday = monday - timedelta(days=1)
    year, week, _ = first.isocalendar()
    title = f"Week {week} of {year}, {first.day} {first:%b} to {sunday.day} {sunday:%b}"
    return Span(title, _ns(first.isoformat()), _ns(monday.isoformat()))


def everything(now_ns: int) -> Span:
    """Return all there is."""
    return Span("All days", 0, now_ns)


def _ns(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 10**9


def page(db: Connection, span: Span, mode: str) -> str:
    """Return the report of a span as one file; limits are always those of their whole series."""
    made = next(iter(money(db, since_ns=span.since_ns, until_ns=span.until_ns)), None)
    limits, bots = limits_panel(db), bots_panel(db)
    body = [
        f'<div class="top"><span class="brand">Gnomon</span><span class="tag">{escape(mode)}</span>'
        f'</div><h1>{escape(span.title)}</h1><p class="say">{_summary(made, limits, bots)}</p>',
        '<main class="grid">',
        _section("c8", "Do I make money?", "", _equity(db, span)),
        _section("c4", "Where it came from", "USD", _money_table(made)),
        _section("c12", "What did my limits do?", _decided(limits), _limits(limits)),
        _section(
            "c12", "Taken against blocked", "summed up, all days", _blocked(blocked_panel(db))
        ),
        _section("c12", "Which bots pay?", "all days", _bots(bots)),
        "</main>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"'
        ' content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light'
        f' dark"><title>Gnomon: {escape(span.title)}</title><style>{CSS.read_text()}{OWN}</style>'
        f'</head><body><div class="wrap">{"".join(body)}</div></body></html>\n'
    )


def _section(width: str, question: str, answer: str, content: str) -> str:
    return (
        f'<section class="{width}"><header><h2>{escape(question)}</h2><p class="ans">'
        f"{escape(answer)}</p></header>{content}</section>"
    )


def _usd(value: float | None, decimals: int = 2) -> str:
    return f'<span class="{tone(value)}">{number(value, decimals, sign=True)}</span>'


def _summary(made: Money | None, limits: LimitsPanel, bots: BotsPanel) -> str:
    if made is None:
        said = "No trade has closed. "
    else:
        share = made.fees_share
        fees = "there was no gross to pay fees from"
        if share is not None:
            fees = f"fees took {100 * share:.0f} % of gross"
        said = f"The desk made {_usd(made.net_usd)} USD with {made.trades} trades; {fees}. "
    said += f"<b>{_decided(limits)}</b> "
    by_name = {row.name: row for row in limits.rows}
    for name, did in ((limits.best, "saved"), (limits.worst, "cost")):
        if name is not None:
            said += f"<b>{escape(name)}</b> {did} most, {_usd(by_name[name].value_usd, 0)} USD. "
    return said + _eaten(sum(_fees_eat(row) for row in bots.rows if row.trades))


def _eaten(bots: int) -> str:
    """Return how many bots, over all days, do not earn their fees; no word of none."""
    if not bots:
        return ""
    who = (
        "1 bot pays more in fees than it earns"
        if bots == 1
        else (f"{bots} bots pay more in fees than they earn")
    )
    return f"Over all days, {who} before them."


def _fees_eat(row: BotRow) -> bool:
    return row.fees_share is None or row.fees_share > 1.0


def _decided(limits: LimitsPanel) -> str:
    return f"{limits.decided} of {limits.watched} limits are decided."


def _equity(db: Connection, span: Span) -> str:
    line = equity_line(db, since_ns=span.since_ns, until_ns=span.until_ns)
    if len(line.equity_usd) < 2:
        return '<p class="empty">No minute of equity in these days.</p>'
    peaks, peak = [], line.equity_usd[0]
    for usd in line.equity_usd:
        peak = max(peak, usd)
        peaks.append(peak)
    curve = Curve(line.equity_usd, f"{number(line.equity_usd[-1])} USD", "a")
    fall = number(-(line.drawdown_usd or 0.0), sign=True)
    return (
        chart([curve], _ticks(line), shade=peaks)
        + f'<p class="q2">Deepest fall of equity, open trades at their marks: {fall} USD</p>'
    )


def _ticks(line: EquityLine) -> list[str]:
    times = line.times_ns
    shown = [times[at * (len(times) - 1) // 4] for at in range(5)]
    form = "%d %b" if times[-1] - times[0] > 2 * DAY_NS else "%H:%M"
    return [datetime.fromtimestamp(ns // 10**9, UTC).strftime(form) for ns in shown]


def _money_table(made: Money | None) -> str:
    if made is None:
        return '<p class="empty">No trade has closed in these days.</p>'
    share, won = made.fees_share, made.win_rate
    rows = [
        ("Price", _plain(made.price_usd)),
        ("Fees", _plain(made.fees_usd)),
        ("Funding", _plain(made.funding_usd)),
        ("Net", _usd(made.net_usd)),
        ("Trades closed", str(made.trades)),
        ("Won", "–" if won is None else f"{100 * won:.0f} %"),
        ("Mean of a trade", f"{number(made.mean_r, sign=True)} R"),
        ("Fees in gross", "no gross" if share is None else f"{100 * share:.0f} %"),
        ("Deepest fall, closed trades", _plain(-made.drawdown_usd)),
    ]
    cells = "".join(
        f"<tr{' class=sum' if name == 'Net' else ''}><th>{name}</th><td>{text}</td></tr>"
        for name, text in rows
    )
    return f'<table class="kv">{cells}</table>'


def _plain(value: float) -> str:
    return number(value, sign=True)


def _limits(panel: LimitsPanel) -> str:
    end = number(panel.axis_usd, 10).rstrip("0").rstrip(".")
    heads = (
        ("Limit", ""),
        ("Blocked", "hide-s"),
        ("Only this limit", ""),
        ("Saved or cost, USD", ""),
        ("vs taken, R", "hide-s"),
        (f"USD a day, −{end} … +{end}", "la hide-s"),
        ("Verdict", "la hide-s"),
        ("", "la"),
    )
    head = "".join(f'<th class="{kind}">{name}</th>' for name, kind in heads)
    rows = "".join(_limit(row, panel.axis_usd) for row in panel.rows)
    return (
        f'<table class="t"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        '<p class="q2">Thin line: holds whatever day you look. Thick: for one look. Undetermined'
        " means too early to tell, never “no effect”.</p>"
    )


def _limit(row: LimitRow, axis_usd: float) -> str:
    colour = {"PROTECTIVE": "g", "RESTRICTIVE": "l"}.get(row.verdict, "")
    usd = number(row.value_usd, 0, sign=True)
    said = row.standing if row.kind != "placebo" else "as it must be"
    seen = ' <span class="tag hide-s">observing</span>' if row.mode == "observe" else ""
    chip = "" if row.kind == "rule" else f'<span class="chip {row.verdict}">{row.verdict}</span>'
    return (
        f'<tr><td><span class="nm">{escape(row.name)}</span>{seen}</td>'
        f'<td class="hide-s">{row.blocked}</td><td>{row.only_this}</td>'
        f'<td class="{colour}">{usd}</td>'
        f'<td class="hide-s">{number(row.selection_r, sign=True)}</td>'
        f'<td class="la hide-s">{interval(row.bar, axis_usd, colour)}</td>'
        f'<td class="la hide-s">{chip}</td>'
        f'<td class="la wr {colour or "q2"}">{escape(said)}</td></tr>'
    )


def _blocked(panel: BlockedPanel) -> str:
    if len(panel.days) < 2:
        return '<p class="empty">The two lines start with the second day.</p>'
    curves = [
        Curve(panel.taken, f"taken {number(panel.taken[-1], 0, sign=True)} USD", "a"),
        Curve(panel.any, f"blocked {number(panel.any[-1], 0, sign=True)} USD", "", dashed=True),
    ]
    steps = min(5, len(panel.days))
    days = [panel.days[at * (len(panel.days) - 1) // (steps - 1)] for at in range(steps)]
    return chart(curves, days)


def _bots(panel: BotsPanel) -> str:
    traded = [row for row in panel.rows if row.trades]
    idle = [row.bot for row in panel.rows if not row.trades]
    rest = f'<p class="q2">Closed nothing: {escape(", ".join(idle))}.</p>' if idle else ""
    if not traded:
        return '<p class="empty">No bot has closed a trade.</p>'
    heads = (
        ("Bot", ""),
        ("Trades", ""),
        ("Net USD", ""),
        ("Fees USD", "hide-s"),
        ("Fees in gross", ""),
        ("Mean R", "hide-s"),
        ("Weight", "hide-s"),
        ("By day", "la hide-s"),
    )
    head = "".join(f'<th class="{kind}">{name}</th>' for name, kind in heads)
    rows = "".join(map(_bot, traded))
    return f'<table class="t"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{rest}'


def _bot(row: BotRow) -> str:
    share = row.fees_share
    eats = _fees_eat(row)
    gross = "no gross" if share is None else f"{100 * share:.0f} %"
    return (
        f"<tr><td>{escape(row.bot)}</td><td>{row.trades}</td><td>{_usd(row.net_usd)}</td>"
        f'<td class="hide-s">{number(row.fees_usd, sign=True)}</td>'
        f'<td class="{"w" if eats else ""}">{"▲ " if eats else ""}{gross}</td>'
        f'<td class="hide-s">{number(row.mean_r, sign=True)}</td>'
        f'<td class="hide-s">{number(row.weight)}</td>'
        f'<td class="la hide-s">{spark(row.equity, tone(row.net_usd))}</td></tr>'
    )
