from __future__ import annotations

import msgspec
import numpy as np
import pytest

from research.lenses.protocol import registered
from research.lenses.worlds import NULLS, POSITIVES, WORLDS, returns

PROTOCOL = registered()


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_is_its_seed_and_has_about_unit_variance(world: str) -> None:
    made = returns(world, PROTOCOL, 40, 400, 3)
    assert made.shape == (40, 400) and np.isfinite(made).all()
    assert np.array_equal(made, returns(world, PROTOCOL, 40, 400, 3))
    assert not np.array_equal(made, returns(world, PROTOCOL, 40, 400, 4))
    assert 0.7 < made.std() < 1.4
    assert abs(made.mean()) < 0.06 or world == "chaos"


def test_every_world_has_a_use() -> None:
    assert {*NULLS, *POSITIVES, "chaos"} == set(WORLDS)


def clustering(made: np.ndarray) -> float:
    size = np.abs(made) - np.abs(made).mean()
    return float((size[:, 1:] * size[:, :-1]).mean() / (size * size).mean())


def test_volatility_moves_where_it_should_and_only_there() -> None:
    for world, least, most in (("garch", 0.05, 0.5), ("heston", 0.1, 0.6), ("iid", -0.03, 0.03)):
        assert least < clustering(returns(world, PROTOCOL, 60, 500, 1)) < most, world


def test_falls_and_variance_go_together_in_heston_as_its_rho_says() -> None:
    made = returns("heston", PROTOCOL, 60, 500, 1)
    assert np.corrcoef(made[:, :-1].ravel(), made[:, 1:].ravel() ** 2)[0, 1] < -0.02


def test_the_map_can_be_foretold_from_its_square_and_lorenz_moves_cannot() -> None:
    for world, least, most in (("logistic", 0.4, 0.7), ("lorenz", -0.1, 0.1)):
        made = returns(world, PROTOCOL, 20, 500, 1)
        bend = -np.corrcoef(made[:, :-1].ravel() ** 2, made[:, 1:].ravel())[0, 1]
        assert least < bend < most, world
    assert clustering(returns("lorenz", PROTOCOL, 20, 500, 1)) > 0.05


def test_in_chaos_the_price_slides_where_the_map_drives_and_after_its_lead() -> None:
    plan = msgspec.structs.replace(PROTOCOL.chaos, quiet_bars_mean=1e-9)
    moves = returns("chaos", msgspec.structs.replace(PROTOCOL, chaos=plan), 1, 1400, 2)[0]
    lead, slide = moves[60 : 60 + plan.lead_bars], moves[60 + plan.lead_bars : 1260]
    for driven in (lead, slide):
        x = driven - driven.mean()
        assert np.corrcoef(x[:-1] ** 2, x[1:])[0, 1] < -0.4
    assert abs(lead.mean()) < 0.1 * lead.std()
    assert slide.mean() == pytest.approx(-plan.slide_sd * slide.std(), rel=0.3)
