"""The grammar of moments: a step, an event, a share of an event's step, the peak of a series, or where a series passes a value.

`events/moments.py` looks a moment up in a run.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from epicycle.spec.errors import InputError
from epicycle.spec.limits import MOST_STEPS

LONGEST = 200  # characters of a moment
NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]{1,2})?"
# 0.5*t_gen, or t_gen(level=0.8): the standard event with one field of its detector changed
CHANGE = rf"[a-z_]+={NUMBER}"
SHARE = re.compile(rf"(?:(?P<share>[0-9]*\.?[0-9]+)\*)?(?P<event>[a-z][a-z0-9_]*)(?:\((?P<changes>{CHANGE}(?:, ?{CHANGE})*)\))?$")
PEAK = re.compile(r"peak\((?P<series>[a-z][a-z0-9_]*)\)$")
PASSES = re.compile(rf"(?P<series>[a-z][a-z0-9_]*) ?(?P<sign>>=|<) ?(?P<level>{NUMBER})$")


def _fork_moment(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= 10 * MOST_STEPS:
            raise ValueError("a moment is a step of at least 0 and within a run's budget")
        return value
    if isinstance(value, str) and len(value) <= LONGEST and any(form.match(value) for form in (SHARE, PEAK, PASSES)):
        return value
    raise ValueError(
        "a moment is a step (300), an event (t_on), an event with another threshold (t_gen(level=0.8)), a share of an event's step "
        "(0.5*t_gen), peak(test_loss), or where a series passes a value (test_acc>=0.5, train_loss<0.01)"
    )


def whole_step(step: Any, what: str) -> int:
    """A step as a whole number; users read steps off a table of events, where they are floats.

    Args:
        what: begins the message.

    Raises:
        InputError: it is no whole number of at least 0.
    """
    try:
        number = float(step)
    except (TypeError, ValueError):
        number = -1.0
    if not (number >= 0 and number.is_integer()):
        raise InputError(f"{what}: a step is a whole number of at least 0.")
    return int(step)


def series_in(moment: int | str) -> tuple[str, ...]:
    """The series that a moment names, each with one number at a step: `test_loss` in `peak(test_loss)`."""
    match = (PEAK.match(moment) or PASSES.match(moment)) if isinstance(moment, str) else None
    return (match["series"],) if match else ()


ForkMoment = Annotated[int | str, BeforeValidator(_fork_moment)]
