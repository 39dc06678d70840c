"""Times of events on planted runs."""

import numpy as np
import pytest
from tests.claims.planted_arms import planted, stepping

from epicycle.claims.quantities import EventRatio, EventTime, Span
from epicycle.events.detectors import Threshold
from epicycle.spec.errors import InputError


def test_event_times() -> None:
    data = {"a": stepping([20] * 8, [200] * 6 + [None] * 2)}
    share = EventTime(event="t_mem", arm="a", unit="budget").estimates(data)[0].interval
    assert share.value == pytest.approx(0.02, rel=0.1)
    assert share.low < 0.02 <= share.high


def test_spans() -> None:
    data = {"a": planted([30] * 8, [1000.0] * 8)}
    # From 0.1 above the baseline of 0.1 (0.44 gen) to 0.95 (0.965 gen).
    share = Span(arm="a").estimates(data)[0].interval
    assert share.value == pytest.approx(1 - 0.44 / 0.965, abs=0.02)
    assert share.low < share.value < share.high
    decades = Span(arm="a", unit="decades").estimates(data)[0].interval
    assert decades.value == pytest.approx(np.log10(0.965 / 0.44), abs=0.02)
    open_ended = Span(arm="a").estimates({"a": planted([30] * 8, [1000.0] * 7 + [None])})[0]
    assert (open_ended.interval.high, open_ended.censored) == (1.0, ("7",))


def test_a_span_over_a_third_event() -> None:
    span = Span(arm="a", over="t_mem")
    in_times_of_memorising = span.estimates({"a": planted([30] * 8, [1000.0] * 8)})[0].interval
    assert in_times_of_memorising.value == pytest.approx((965 - 440) / 30, abs=1.5)
    [open_ended] = span.estimates({"a": planted([30] * 8, [1000.0] * 7 + [None])})
    assert (open_ended.interval.high, open_ended.censored) == (np.inf, ("7",))
    assert span.plain_units().region([(1.0, np.inf)]) == "above 1 times t_mem"
    with pytest.raises(InputError, match="leave out 'over'"):
        Span.parse({"arm": "a", "unit": "decades", "over": "t_mem"})


def test_a_span_between_events_that_are_not_standard() -> None:
    """The test accuracy rises from 0 at step 300 to 1 at step 1000, so it goes from a fifth to four fifths in 420 steps."""
    detectors = {name: Threshold(of="test_acc", level=level) for name, level in (("a fifth", 0.2), ("four fifths", 0.8))}
    span = Span(arm="a", since="a fifth", until="four fifths", over="t_gen", detectors=detectors)
    value = span.estimates({"a": planted([30] * 8, [1000.0] * 8)})[0].interval.value
    assert value == pytest.approx(420 / 965, abs=0.02)
    assert span.reads() == ("test_acc",)


def test_swept_arms_must_say_where() -> None:
    data = {"a": stepping([20] * 16, [200] * 8 + [None] * 8, swept={"weight_decay": [1.0] * 8 + [0.0] * 8})}
    delay = EventRatio(event="t_gen", over="t_mem", arm="a")
    with pytest.raises(InputError, match="must say where"):
        delay.estimates(data)
    with pytest.raises(InputError, match="does not sweep 'weight_decy'; did you mean 'weight_decay'"):
        delay.model_copy(update={"where": {"weight_decy": 1.0}}).estimates(data)
    decayed = EventRatio(event="t_gen", over="t_mem", arm="a", where={"weight_decay": 1.0})
    assert decayed.estimates(data)[0].n == 8
    assert decayed.phrase() == "median of t_gen / t_mem over runs of arm a at weight_decay = 1.0"
