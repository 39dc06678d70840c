"""How moments are written: a step, an event, a share of one, the peak of a series. What they mean in a run is `claims.moments`."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

SHARE = re.compile(r"(?:(?P<share>\d*\.?\d+)\*)?(?P<event>[a-z][a-z0-9_]*)$")
PEAK = re.compile(r"peak\((?P<series>[a-z][a-z0-9_]*)\)$")


def _fork_moment(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError("a moment is a step of at least 0")
        return value
    if isinstance(value, str) and (SHARE.match(value) or PEAK.match(value)):
        return value
    raise ValueError("a moment is a step (300), an event (t_on), a share of one (0.5*t_gen) or peak(test_loss)")


ForkMoment = Annotated[int | str, BeforeValidator(_fork_moment)]
