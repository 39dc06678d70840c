"""The precision of a run's floating-point numbers, which is part of its id.

It is float32, unless the user has set JAX to float64: `with jax.enable_x64(True):`, or JAX_ENABLE_X64=1 for a command.
"""

import os
import sys
from typing import Literal

Precision = Literal["float32", "float64"]
YES = ("1", "true", "t", "yes", "y", "on")  # how JAX reads JAX_ENABLE_X64


def asked_precision() -> Precision:
    """The precision that the user has asked for. JAX is not imported to find out: its environment variable says so until it is."""
    config = getattr(sys.modules.get("jax"), "config", None)
    wide = os.environ.get("JAX_ENABLE_X64", "").lower() in YES if config is None else config.jax_enable_x64
    return "float64" if wide else "float32"
