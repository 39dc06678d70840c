"""How much of a series is linear in some coordinates."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def explained_share(seen: Float[ndarray, "step coordinate"], course: Float[ndarray, " step"]) -> float:
    """The share of a course's variance that the best linear function of the coordinates has; NaN for a course that never changes."""
    spread = course - course.mean()
    if not np.square(spread).sum() > 0:
        return float("nan")
    design = np.column_stack([np.ones(len(seen)), seen])
    rest = course - design @ np.linalg.lstsq(design, course, rcond=None)[0]
    return float(1 - np.square(rest).sum() / np.square(spread).sum())
