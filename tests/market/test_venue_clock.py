from __future__ import annotations

import random

import pytest

from market.events import NS_PER_MINUTE, NS_PER_MS, NS_PER_S, VenueTime
from market.venue_clock import AHEAD_STAMPS, TELL_NS, VenueClock

S, MS = NS_PER_S, NS_PER_MS
START = 1_800_000_000 * S
WAY = 200 * MS


class Line:
    """A line to a venue: our clock is `off` ns ahead of the venue's, frames take `way` ns."""

    def __init__(self, off: int = 0, *, way: int = WAY, seed: int = 1) -> None:
        self.clock = VenueClock()
        self.off, self.way = off, way
        self.now = START
        self._rng = random.Random(seed)

    @property
    def stamp(self) -> int:
        """Return our stamp now."""
        return self.now + self.off

    def frame(self, *, ahead_ms: int = 0, jitter: int = 100 * MS) -> bool:
        """Let half a second pass and a frame come."""
        self.now += S // 2
        sent = self.now - self.way - self._rng.randrange(jitter)
        return self.clock.hear("book", sent // MS + ahead_ms, self.stamp)

    def frames(self, seconds: float, **how: int) -> list[bool]:
        return [self.frame(**how) for _ in range(int(2 * seconds))]

    def ask(self, *, takes: int = 100 * MS) -> None:
        """Ask the venue for its time."""
        asked = self.stamp
        self.now += takes
        venue_ms = (self.now - takes // 2) // MS
        self.clock.read(VenueTime(venue_ms, asked, self.stamp, self.stamp))

    @property
    def error_ms(self) -> float:
        """Return by how much the offset is wrong; what the quickest way takes is no error."""
        return (self.clock.offset_ns - self.off) / MS


@pytest.mark.parametrize("off_s", [0.0, 0.4, -0.7, 1.4, 30.0, 90_000.0])
def test_the_offset_is_the_floor_of_receive_times_less_venue_times(off_s: float) -> None:
    line = Line(round(off_s * S))
    assert all(line.frames(60))
    assert line.clock.known
    assert 200 <= line.error_ms < 215
    assert line.clock.spread_ns < 100 * MS
    assert bool(line.clock.trouble(line.stamp)) is (abs(off_s) > 1.25)


def test_a_clock_behind_the_venues_is_believed_once_nothing_else_is_heard() -> None:
    line = Line(-30 * S)
    heard = line.frames(30)
    assert not any(heard[:19]) and all(heard[21:])
    assert -0.1 < (line.clock.offset_ns + 30 * S) / S < 0.4
    assert "behind the venue's clock" in line.clock.trouble(line.stamp)


def test_a_drift_is_followed() -> None:
    line = Line()
    line.frames(30)
    for _ in range(3600):
        line.off += 50_000  # 100 ppm
        line.frame()
    assert line.off == 180 * MS
    assert 180 < line.error_ms < 230


def test_one_stamp_from_the_future_is_refused_counted_and_moves_nothing() -> None:
    line = Line()
    line.frames(30)
    before = line.clock.offset_ns
    assert not line.frame(ahead_ms=29_000)
    assert line.clock.refused == {"book": 1}
    assert all(line.frames(5))
    assert abs(line.clock.offset_ns - before) < 20 * MS
    assert line.clock.trouble(line.stamp) == ""


def test_a_stream_that_is_always_ahead_is_refused_for_as_long_as_others_agree() -> None:
    line = Line()
    line.frames(30)
    for _ in range(200):
        assert line.frame()
        assert not any(line.clock.hear("bbo", line.now // MS + 29_000, line.stamp) for _ in "123")
        assert line.clock.trouble(line.stamp) == ""
    assert line.clock.refused == {"bbo": 600}


def test_a_venue_that_moved_ahead_is_doubted_then_followed_and_told_of_once() -> None:
    line = Line()
    line.frames(30)
    said, outcomes = [], []
    for _ in range(80):
        outcomes.append(line.frame(ahead_ms=90_000))
        said.append(line.clock.news(line.stamp))
        assert len(outcomes) < 4 or line.clock.trouble(line.stamp)
    assert outcomes.index(True) >= AHEAD_STAMPS - 1
    assert [text.partition(";")[0] for text in said if text] == [
        "the venue's stamps are 90.0 s in the future"
    ]
    # And back: everything is late, until the floor of the last minutes is this one's again.
    said = []
    for _ in range(2 * 400):
        assert line.frame()
        said.append(line.clock.news(line.stamp))
    assert ["agree with the venue's clock again" in text for text in said if text] == [True]
    assert 190 < line.error_ms < 230


def test_a_burst_that_waited_somewhere_is_no_trouble_of_the_clock() -> None:
    line = Line()
    line.frames(60)
    offset = line.clock.offset_ns
    line.now += 20 * S
    for late in range(40):
        line.clock.hear("book", (line.now - 20 * S + late * S // 2) // MS, line.stamp)
        line.now += 10 * MS
    line.frames(2)
    assert abs(line.clock.offset_ns - offset) < 20 * MS
    assert line.clock.trouble(line.stamp) == ""


def test_the_venues_answer_tells_a_slow_line_from_a_clock_that_is_off() -> None:
    slow, stepped = Line(), Line()
    for line in (slow, stepped):
        line.ask()
        line.frames(30)
    slow.way += 8 * S
    stepped.off += 8 * S
    for line in (slow, stepped):
        line.frames(3)
        assert "the line or the clock" in line.clock.trouble(line.stamp)
        line.ask()
        line.frames(1)
    assert slow.clock.trouble(slow.stamp) == "", "it is the line: lag is judged as lag"
    assert slow.clock.tells_since(slow.stamp - 2 * S)
    late_ms = slow.clock.lag_ms((slow.now - slow.way) // MS, slow.stamp)
    assert 7_900 < late_ms < 8_300
    assert "ahead of the venue's clock" in stepped.clock.trouble(stepped.stamp)
    assert 7.9 < stepped.clock.offset_ns / S < 8.3


def test_one_wrong_answer_is_not_believed_two_are() -> None:
    line = Line()
    line.ask()
    line.frames(20)
    offset = line.clock.offset_ns
    wrong = VenueTime((line.now + 3600 * S) // MS, line.stamp, line.stamp)
    line.clock.read(wrong)
    assert line.clock.offset_ns == offset and line.clock.unsure(line.stamp)
    line.clock.read(VenueTime(line.now // MS, line.stamp, line.stamp))
    assert line.clock.offset_ns <= offset and not line.clock.unsure(line.stamp)
    for _ in range(2):
        line.clock.read(wrong)
    assert line.clock.offset_ns == line.stamp - wrong.venue_ms * MS


def test_the_first_answer_is_taken_at_its_word() -> None:
    line = Line(40 * S)
    line.ask()
    assert line.clock.known and abs(line.error_ms) < 120


def test_trades_said_again_tell_nothing_of_the_clock() -> None:
    line = Line()
    line.frames(30)
    for _ in range(50):
        line.now += S
        assert line.clock.hear("trade", (line.now - 600 * S) // MS, line.stamp, current=False)
    assert line.clock.trouble(line.stamp) == ""
    assert not line.clock.hear("trade", (line.now + 60 * S) // MS, line.stamp, current=False)


def test_stale_stamps_before_anything_is_known_hold_nothing_back() -> None:
    line = Line()
    for _ in range(12):
        assert line.clock.hear("bbo", (line.now - 300 * S) // MS, line.stamp)
    assert line.clock.offset_ns == 0
    assert all(line.frames(5))
    assert 200 <= line.error_ms < 300


def test_an_alarm_comes_once_and_its_end_once_however_the_offset_sways() -> None:
    clock = VenueClock(known=True, offset_ns=1_600 * MS)
    said = []
    for second in range(300):
        clock.offset_ns = (1_600 if second % 20 < 15 else 1_450) * MS if second < 200 else 0
        text = clock.news(START + second * S)
        if text:
            said.append((second, text))
    assert [second for second, _ in said] == [TELL_NS // S, 200 + TELL_NS // S]
    assert "1.6 s ahead of the venue's clock; no entry" in said[0][1]
    assert "again" in said[1][1]


def test_what_it_keeps_is_bounded() -> None:
    line = Line()
    for _ in range(2 * 60 * 20):
        line.frame(jitter=S)
    assert len(line.clock.lows) <= 3
    assert line.clock.bucket == line.stamp // NS_PER_MINUTE
