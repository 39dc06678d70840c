"""Quantities of paths on planted walks: a straight line, a random walk, a way there and back."""

from typing import Any

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.differences import Difference
from epicycle.claims.path_quantities import DiffusionExponent, MoveCosine, PathLength, Straightness
from epicycle.spec.errors import InputError

SIZE, RUNS = 512, 8


def arm(**series: Any) -> dict[str, Any]:
    """An arm whose runs memorise at step 100 and generalise at step 1,000."""
    data = planted([100] * RUNS, [1000.0] * RUNS)
    for name, make in series.items():
        data[name] = (("run", "step", "sketch"), np.stack([make(run) for run in range(RUNS)]))
    return {"a": data}


def line(run: int) -> Any:
    """A line at an even speed of 0.01 a step."""
    return 0.01 * STEPS[:, None] * direction(run)


def direction(run: int) -> Any:
    vector = np.random.default_rng(run).standard_normal(SIZE)
    return vector / np.linalg.norm(vector)


def walk(run: int) -> Any:
    """A random walk: every step adds independent numbers."""
    steps = np.diff(STEPS, prepend=0)
    return np.cumsum(np.random.default_rng(run).standard_normal((len(STEPS), SIZE)) * np.sqrt(steps)[:, None], axis=0)


def there_and_back(run: int) -> Any:
    """Along a line to step 3,000, and back to the start at step 6,000, where it stays."""
    place = 3000 - np.abs(np.minimum(STEPS, 6000) - 3000)
    return 0.01 * place[:, None] * direction(run)


PERIOD = {"since": "t_mem", "until": "t_gen", "arm": "a", "series": "path"}


def value(statistic: Any, path: Any, **more: Any) -> float:
    [estimate] = statistic.estimates(arm(path=path, **more))
    return float(estimate.interval.value)


def test_a_straight_line() -> None:
    covered = 0.01 * (0.965 * 1000 - 100)  # accuracy passes 0.95 at 0.965 of the way
    assert value(PathLength(**PERIOD), line) == pytest.approx(covered, rel=0.05)
    assert value(PathLength(**PERIOD, direct=True), line) == pytest.approx(covered, rel=0.05)
    assert value(PathLength(**PERIOD, per_decade=True), line) == pytest.approx(covered / np.log10(9.65), rel=0.05)
    assert value(PathLength(**PERIOD, log=True), line) == pytest.approx(np.log(covered), abs=0.05)
    assert value(Straightness(**PERIOD), line) == pytest.approx(1.0)
    assert value(DiffusionExponent(**PERIOD), line) == pytest.approx(2.0, abs=1e-3)
    assert value(MoveCosine(**PERIOD, beside="next"), line) == pytest.approx(1.0)
    assert value(MoveCosine(**PERIOD, beside="ahead"), line) == pytest.approx(1.0)


def test_a_random_walk() -> None:
    assert value(DiffusionExponent(**PERIOD), walk) == pytest.approx(1.0, abs=0.05)
    for beside in ("next", "ahead"):
        assert value(MoveCosine(**PERIOD, beside=beside), walk) == pytest.approx(0.0, abs=0.01)
    assert value(Straightness(**PERIOD), walk) < 0.2
    whole = {**PERIOD, "since": "start", "until": "end"}
    assert value(PathLength(**whole, direct=True), walk) == pytest.approx(np.sqrt(SIZE * 10_000), rel=0.05)


def test_there_and_back() -> None:
    whole = {**PERIOD, "since": "start", "until": "end"}
    assert value(PathLength(**whole), there_and_back) == pytest.approx(60.0, rel=0.01)
    assert value(Straightness(**whole), there_and_back) < 0.01
    assert value(MoveCosine(**PERIOD, beside="ahead"), there_and_back) == pytest.approx(-1.0), "away from the end"
    assert value(MoveCosine(**PERIOD, beside="next"), there_and_back) == pytest.approx(1.0)


def test_the_way_leads_to_a_moment() -> None:
    """At step 3,000 the walk of there and back is farthest from its start; a network that has not come to the moment stays open."""
    assert value(MoveCosine(**PERIOD, to="0.3*end"), there_and_back) == pytest.approx(1.0)
    never = {"a": planted([100] * RUNS, [None] * RUNS, path=lambda run: STEPS / 100)}
    early = MoveCosine(series="path", arm="a", since="start", until="t_mem", to="t_gen")
    assert {event.series for event in early.events_read()} == {("train_acc",), ("test_acc",)}
    assert early.estimates(never)[0].interval.low == -np.inf


def test_growing_is_no_turning() -> None:
    """Weights that grow along themselves do not turn; those that also go round a circle do, at a right angle to themselves."""

    def growing_round(run: int) -> Any:
        angle, radius = STEPS / 3000, 1 + STEPS / 10
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None]
        return np.pad(circle, ((0, 0), (0, SIZE - 2)))

    for beside in ("next", "ahead"):
        assert value(MoveCosine(**PERIOD, beside=beside, turning=True, to="t_gen"), growing_round) == pytest.approx(1.0, abs=1e-6)
    assert value(MoveCosine(**PERIOD, turning=False), growing_round) < 0.9


def test_recorded_updates_take_the_place_of_moves() -> None:
    def updates(sign: float) -> Any:
        return lambda run: np.where(STEPS[:, None] % 2 == 0, sign * direction(run), np.nan)  # recorded at some looks only

    for sign in (1.0, -1.0):
        statistic = MoveCosine(**PERIOD, beside="ahead", moves="updates")
        assert value(statistic, line, updates=updates(sign)) == pytest.approx(sign)
        assert set(statistic.reads_with_axes()) == {"path", "updates"}


def test_a_path_of_one_number_is_a_path_too() -> None:
    data = {"a": planted([100] * RUNS, [1000.0] * RUNS, path=lambda run: STEPS / 100)}
    assert PathLength(**PERIOD).estimates(data)[0].interval.value == pytest.approx(8.65, rel=0.05)


def test_what_is_not_known_stays_open() -> None:
    never = {"a": planted([100] * RUNS, [None] * RUNS, path=lambda run: STEPS / 100)}
    for statistic in (PathLength(**PERIOD), Straightness(**PERIOD), DiffusionExponent(**PERIOD), MoveCosine(**PERIOD)):
        assert statistic.estimates(never)[0].interval.low == -np.inf
    still = arm(path=lambda run: np.zeros((len(STEPS), SIZE)))
    for statistic in (DiffusionExponent(**PERIOD), MoveCosine(**PERIOD)):
        assert statistic.estimates(still)[0].interval.high == np.inf


def test_one_period_is_compared_with_another() -> None:
    """R043: after generalising the line goes on for a decade, ten times as far as in the decade before."""
    after = PathLength(**{**PERIOD, "since": "t_gen", "until": "end"}, per_decade=True, log=True)
    before = PathLength(**PERIOD, per_decade=True, log=True)
    ratio = Difference(of=after, against=before, paired=True)
    assert np.exp(ratio.estimates(arm(path=line))[0].interval.value) == pytest.approx(10.0, rel=0.1)
    assert ratio.reads_with_axes() == ("path", "path")
    with pytest.raises(InputError, match="no moment"):
        PathLength.parse({**PERIOD, "since": "later"})
