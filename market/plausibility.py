"""Plausibility of prices: who vouches for a quote, a context and a print.

Four witnesses tell where a coin trades: its quotes, its mark, its oracle, and what was believed of
them a moment ago. What lies in a band around all of the past is believed at once. What leaves it is
*suspect*, and another witness must speak for it: a context for a quote, quotes for a context; or
it repeats itself for long enough. A price far beyond the band, which no market of ours has reached
within seconds, must stand for longer, and against a witness that contradicts it for a minute.

A sequence of small steps is a market, however fast it falls: each vouches for the next.
"""

from __future__ import annotations

from math import sqrt

from msgspec import Struct

from market.book import SET_BACK_MS
from market.coin import ROOT_MINUTES_PER_DAY, Coin
from market.events import NS_PER_MINUTE, NS_PER_S, ContextUpdate, Level, Print

# Volatility widens the band up to this; only the configuration may widen it further.
WIDENED_MAX = 0.2
# Agreeing quotes span at least this: best prices may come a hundred times a second.
AGREEING_NS = 2 * NS_PER_S
# A price is far when it lies beyond the band by this share, and then even a context that agrees
# must have been seconded for this long.
FAR_SHARE = 0.25
FAR_NS = 1_900_000_000
# A far price that contexts go on contradicting is the market after this long all the same.
CONTRADICTED_NS = NS_PER_MINUTE
WITNESS_NS = 5 * NS_PER_S
# What was believed longer ago than this, compared with the newest, says nothing any more.
PAST_NS = NS_PER_MINUTE
# A quote of a venue time before the doubted one's by less than this was on its way already.
OVERTAKEN_MS = 1_000
# Prices that an instrument can have: from one tick to so many.
TICKS_MAX = 1e11


class PriceRule(Struct, frozen=True):
    """What is suspect: beyond `share` of the past, or `devs` standard deviations of a minute.

    `quotes` is how many must agree where no context does.
    """

    share: float = 0.02
    devs: float = 8.0
    quotes: int = 5


class Band(Struct, frozen=True, gc=False):
    """What is believed at once, in USD.

    `width` is the share that it reaches on either side of a past of this very minute; an older
    past, after an outage, lets it reach farther.
    """

    low: float
    high: float
    width: float

    def holds(self, px: float) -> bool:
        """Say whether a price lies within."""
        return self.low <= px <= self.high


def band_of(coin: Coin, now_ns: int, rule: PriceRule) -> Band:
    """Return the band around what was believed of a coin: as wide as prices go without a past."""
    tick = 10.0**-coin.instrument.px_decimals
    least, most = tick, tick * TICKS_MAX
    book, context = coin.book, coin.context
    newest_ns = max(book.recv_ns, context.recv_ns)
    past: list[float] = []
    if book.mid and newest_ns - book.recv_ns <= PAST_NS:
        past += (book.bid, book.ask)
    if context.mark_px and newest_ns - context.recv_ns <= PAST_NS:
        past += (context.mark_px, context.oracle_px)
    devs = rule.devs * coin.daily_vol() / ROOT_MINUTES_PER_DAY
    width = max(rule.share, min(devs, WIDENED_MAX))
    if not past:
        return Band(least, most, width)
    age = max(1.0, (now_ns - newest_ns) / NS_PER_MINUTE)
    reach = max(rule.share, min(devs * sqrt(age), WIDENED_MAX))
    low, high = min(past) * (1.0 - reach), max(past) * (1.0 + reach)
    return Band(max(low, least), min(high, most), width)


def believes_quote(
    coin: Coin,
    bid: Level | None,
    ask: Level | None,
    time_ms: int,
    now_ns: int,
    rule: PriceRule,
) -> bool:
    """Say whether a quote may enter the book; a side that is missing says nothing."""
    if bid is None or ask is None:
        if bid is ask:
            return True
        only = bid or ask
        assert only is not None
        bid = ask = only
    prices = coin.prices
    low, high = prices.low, prices.high
    if low <= bid.px <= high and low <= ask.px <= high:
        return True
    return _weigh(coin, bid.px, ask.px, time_ms, now_ns, rule)


def _weigh(coin: Coin, bid: float, ask: float, time_ms: int, now_ns: int, rule: PriceRule) -> bool:
    """Judge a quote that is not close to the last one."""
    prices, band = coin.prices, band_of(coin, now_ns, rule)
    if band.holds(bid) and band.holds(ask):
        if prices.since_ns and 0 < prices.time_ms - time_ms <= OVERTAKEN_MS:
            return False
        prices.settle(bid, ask, band.width)
        return True
    behind_ms = coin.book.time_ms - time_ms
    if 0 < behind_ms <= SET_BACK_MS and not prices.since_ns:
        # It would not be the top of the book; after a fall, the slow book is late like that.
        prices.quotes += 1
        return False
    agrees = bool(prices.since_ns) and _near(bid, prices.bid, band) and _near(ask, prices.ask, band)
    prices.doubt(bid, ask, time_ms, now_ns, agrees=agrees)
    if not _is_market(coin, band, now_ns, rule):
        return False
    prices.settle(bid, ask, band.width)
    return True


def _is_market(coin: Coin, band: Band, now_ns: int, rule: PriceRule) -> bool:
    """Say whether the doubted quotes are where the coin trades now."""
    prices = coin.prices
    if not _is_possible(coin, prices.bid) or not _is_possible(coin, prices.ask):
        return False
    mid = 0.5 * (prices.bid + prices.ask)
    far = _is_far(mid, band)
    stood_ns = now_ns - prices.agreed_ns
    heard = bool(prices.context_ns) and now_ns - prices.context_ns <= WITNESS_NS
    if heard and (_near(prices.mark, mid, band) or _near(prices.oracle, mid, band)):
        return stood_ns >= FAR_NS if far else True
    if prices.agreed < rule.quotes or stood_ns < AGREEING_NS:
        return False
    contradicted = heard and prices.context_ns >= prices.agreed_ns
    return stood_ns >= CONTRADICTED_NS if far and contradicted else True


def believes_context(coin: Coin, update: ContextUpdate, rule: PriceRule) -> bool:
    """Say whether a context may be taken; whether or not, it is a witness of doubted quotes."""
    prices, now_ns = coin.prices, update.recv_ns
    mark, oracle = update.mark_px, update.oracle_px
    prices.mark, prices.oracle, prices.context_ns = mark, oracle, now_ns
    if prices.low <= mark <= prices.high and prices.low <= oracle <= prices.high:
        prices.odd = 0
        return True
    band = band_of(coin, now_ns, rule)
    if band.holds(mark) and band.holds(oracle):
        prices.odd = 0
        return True
    prices.contexts += 1
    agrees = _near(mark, prices.odd_mark, band) and _near(oracle, prices.odd_oracle, band)
    prices.odd_mark, prices.odd_oracle = mark, oracle
    if prices.odd and agrees:
        prices.odd += 1
    else:
        prices.odd, prices.odd_ns = 1, now_ns
    if not _is_possible(coin, mark) or not _is_possible(coin, oracle):
        return False
    if prices.odd < rule.quotes or now_ns - prices.odd_ns < AGREEING_NS:
        return False
    # A basis may stand for days; a mark a quarter away from a live book is no basis.
    book = coin.book
    alive = (book.ok or bool(prices.since_ns)) and now_ns - book.recv_ns <= 2 * WITNESS_NS
    if alive and (_is_far(mark, band) or _is_far(oracle, band)):
        return False
    prices.odd = 0
    return True


def believed_prints(coin: Coin, prints: list[Print], now_ns: int, rule: PriceRule) -> list[Print]:
    """Return the prints that may be taken; the others wait for someone to vouch for them."""
    prices = coin.prices
    low, high = prices.low, prices.high
    for trade in prints:
        if not low <= trade.px <= high:
            break
    else:
        return prints
    band = band_of(coin, now_ns, rule)
    believed = []
    for trade in prints:
        if band.holds(trade.px):
            believed.append(trade)
        else:
            prices.hold(trade, now_ns)
    return believed


def released_prints(coin: Coin, now_ns: int, rule: PriceRule) -> list[Print]:
    """Return the prints that waited and are within the band by now."""
    if not coin.prices.held:
        return []
    band = band_of(coin, now_ns, rule)
    return coin.prices.release(band.low, band.high, now_ns)


def _near(px: float, other: float, band: Band) -> bool:
    """Say whether two prices are no farther apart than the band is wide."""
    return other * (1.0 - band.width) <= px <= other * (1.0 + band.width)


def _is_far(px: float, band: Band) -> bool:
    return not band.low * (1.0 - FAR_SHARE) <= px <= band.high * (1.0 + FAR_SHARE)


def _is_possible(coin: Coin, px: float) -> bool:
    tick = 10.0**-coin.instrument.px_decimals
    return tick <= px <= tick * TICKS_MAX
