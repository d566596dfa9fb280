from __future__ import annotations

from daemon.backtest.known.episodes import DAY_S, EVE_S, MIDS, MODES, RUN_S, lay_out, path

LAYOUT = lay_out(40, 7, first_weekday=2)


def test_a_layout_has_everything_in_it() -> None:
    assert LAYOUT == lay_out(40, 7, first_weekday=2) != lay_out(40, 8, first_weekday=2)
    assert LAYOUT.idle == {9} and 900 < len(LAYOUT.episodes) < 1000
    nights = [e for e in LAYOUT.episodes if e.night_share is not None]
    assert len(nights) > 5 and all(e.closes_on == e.day + 1 for e in nights)
    # Nothing is open as a Monday begins, when the branches are forked anew.
    assert all((2 + e.day) % 7 != 6 for e in nights)
    assert {name for e in LAYOUT.episodes for name in e.fails} == set(MODES)
    assert any(e.lacks for e in LAYOUT.episodes)


def test_no_two_episodes_are_under_way_at_once() -> None:
    ends = 0
    for episode in LAYOUT.episodes:
        assert LAYOUT.runs(episode.day)
        seconds = [s for s, _ in path(episode)]
        assert ends < episode.at_s == seconds[0]
        ends = seconds[-1]
        within = episode.at_s % DAY_S
        assert within == EVE_S or within < RUN_S


def test_a_path_begins_and_ends_at_the_usual_mid() -> None:
    for episode in LAYOUT.episodes[:60]:
        shown = [mid for _, mid in path(episode)]
        usual = MIDS[episode.coin]
        assert shown[0] == shown[1] == shown[-1] == usual
        gain = episode.side * (shown[-2] - usual) / usual
        assert abs(gain - episode.move_share) < 1e-5
