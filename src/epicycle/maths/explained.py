"""How much of places lies in a plane, and how much of a series is linear in some coordinates."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def main_plane(centred: Float[ndarray, "step number"]) -> tuple[Float[ndarray, "number coordinate"], float]:
    """The two main directions of places around their middle (principal components), and the share of the variance in them.

    Args:
        centred: the places less their middle; not all of them 0.
    """
    _, sizes, rows = np.linalg.svd(centred, full_matrices=False)
    return rows[:2].T, float(np.square(sizes[:2]).sum() / np.square(sizes).sum())


def explained_share(seen: Float[ndarray, "step coordinate"], course: Float[ndarray, " step"]) -> float:
    """The share of a course's variance that the best linear function of the coordinates has; NaN for a course that never changes."""
    spread = course - course.mean()
    if not np.square(spread).sum() > 0:
        return float("nan")
    design = np.column_stack([np.ones(len(seen)), seen])
    rest = course - design @ np.linalg.lstsq(design, course, rcond=None)[0]
    return float(1 - np.square(rest).sum() / np.square(spread).sum())
