"""The grammar of moments: a step, an event, a share of an event's step, the peak of a series, or where a series passes a value.

`events/moments.py` looks a moment up in a run.
"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

NUMBER = r"[-+]?\d*\.?\d+(?:e[-+]?\d+)?"
# 0.5*t_gen, or t_gen(level=0.8): the standard event with one field of its detector changed
CHANGE = rf"[a-z_]+={NUMBER}"
SHARE = re.compile(rf"(?:(?P<share>\d*\.?\d+)\*)?(?P<event>[a-z][a-z0-9_]*)(?:\((?P<changes>{CHANGE}(?:, ?{CHANGE})*)\))?$")
PEAK = re.compile(r"peak\((?P<series>[a-z][a-z0-9_]*)\)$")
PASSES = re.compile(rf"(?P<series>[a-z][a-z0-9_]*) ?(?P<sign>>=|<) ?(?P<level>{NUMBER})$")


def _fork_moment(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError("a moment is a step of at least 0")
        return value
    if isinstance(value, str) and any(form.match(value) for form in (SHARE, PEAK, PASSES)):
        return value
    raise ValueError(
        "a moment is a step (300), an event (t_on), an event with another threshold (t_gen(level=0.8)), a share of an event's step "
        "(0.5*t_gen), peak(test_loss), or where a series passes a value (test_acc>=0.5, train_loss<0.01)"
    )


ForkMoment = Annotated[int | str, BeforeValidator(_fork_moment)]
