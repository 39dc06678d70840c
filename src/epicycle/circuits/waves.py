"""Whether each neuron of a network on a cyclic group is one wave, as in Gromov's analytic solution.

There a neuron reads cos(w x + phi) and cos(w y + psi) and writes cos(w z + phi + psi), with one frequency w (Gromov, arXiv 2301.02679;
Doshi et al., arXiv 2310.13061, eq. 2). Waves are functions on the group: on products modulo a prime they run along powers of a
generator.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from epicycle.circuits.algorithm import Algorithm, algorithm_of
from epicycle.maths.fourier import Sides, ipr
from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static

PERIODIC = 0.8  # IPR from which on a neuron counts as a wave in `AnalyticNeurons`
CLOSE = 0.3  # radians


class NeuronWeights(NamedTuple):
    """The weights of the neurons of a network with one hidden layer, as functions on the group.

    Attributes:
        first: what each neuron reads of the first operand.
        second: what it reads of the second operand.
        output: what it writes to each class.
    """

    first: Float[Array, "element neuron"]
    second: Float[Array, "element neuron"]
    output: Float[Array, "element neuron"]


class OfWaves(Measure):
    """What the measures of waves share."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The task and the weights."""
        return ("task", "params")


class NeuronIPR(OfWaves):
    """How close the weights of each neuron are to one wave: the inverse participation ratio of their spectra, 1 for a wave.

    Source: Doshi et al., arXiv 2310.13061, section 2. It is the mean of the ratios of what the neuron reads of each operand and of
    what it writes.

    Attributes:
        part: the mean of the three, or one of them.
        sides: what counts as one part of a spectrum, see `epicycle.maths.fourier.ipr`. The released code has `one-sided`.
        reduce: `none` gives every neuron. `mean` and `median` are over neurons; `share` is the share of neurons from `above` to
            `below`. The name of the series ends in it.
        above: the least ratio that `share` counts.
        below: the largest ratio, not included, that `share` counts. Anything above 1 is no limit.
    """

    kind: ClassVar[str] = "neuron_ipr"
    part: Literal["mean", "first", "second", "output"] = static("mean")
    sides: Sides = static("folded")
    reduce: Literal["none", "mean", "median", "share"] = static("none")
    above: float = static(0.0, ge=0, le=1)
    below: float = static(2.0, gt=0, le=2)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the neurons, or none."""
        return ("neuron",) if self.reduce == "none" else ()

    @property
    def name(self) -> str:
        """`neuron_ipr`, `neuron_ipr_output`, `neuron_ipr_median`, `neuron_ipr_share_0.2_to_0.6`, `neuron_ipr_one_sided`, ..."""
        part = "" if self.part == "mean" else f"_{self.part}"
        sides = "" if self.sides == "folded" else f"_{self.sides.replace('-', '_')}"
        limits = f"_{self.above:g}_to_{min(self.below, 1):g}" if self.reduce == "share" else ""
        return f"neuron_ipr{part}{sides}{'' if self.reduce == 'none' else f'_{self.reduce}'}{limits}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """From 0 to 1; NaN for a neuron whose weights are all 0."""
        weights = neuron_weights(snapshot["params"], snapshot["task"])
        ratios = {name: ipr(values, axis=0, sides=self.sides) for name, values in weights._asdict().items()}
        values = sum(ratios.values()) / len(ratios) if self.part == "mean" else ratios[self.part]
        if self.reduce == "none":
            return values
        if self.reduce == "share":
            return ((values >= self.above) & (values < self.below)).mean(dtype=values.dtype)
        return (jnp.nanmean if self.reduce == "mean" else jnp.nanmedian)(values)


class AnalyticNeurons(OfWaves):
    """Share of the periodic neurons whose frequencies and phases are those of the analytic solution.

    A neuron counts as periodic if its IPR is above 0.8, see `NeuronIPR`. Its frequency must be the same in all three vectors of
    weights, and the phase of what it writes must be the sum of the two phases that it reads (the difference, for x - y), within 0.3
    radians.
    """

    kind: ClassVar[str] = "analytic_neurons"

    @property
    def name(self) -> str:
        """`analytic_neurons`."""
        return "analytic_neurons"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1; NaN if no neuron is periodic."""
        task, ratios = snapshot["task"], NeuronIPR().fn(snapshot)
        weights, n = neuron_weights(snapshot["params"], task), len(algorithm_of(task).classes)
        frequencies, phases = zip(*(_strongest_wave(values) for values in weights), strict=True)
        same = (frequencies[0] == frequencies[1]) & (frequencies[0] == frequencies[2])
        off = phases[2] - phases[0] - _sign_of_second(algorithm_of(task), n) * phases[1]
        follows = same & (jnp.abs(jnp.angle(jnp.exp(1j * off))) < CLOSE)
        periodic = ratios > PERIODIC
        return (follows & periodic).sum() / periodic.sum().astype(ratios.dtype)


def neuron_weights(params: Mapping[str, Any], task: Task) -> NeuronWeights:
    """The weights of all neurons.

    Raises:
        InputError: the task has no waves, or the network has more than one hidden layer or none.
    """
    algorithm = algorithm_of(task)
    if algorithm.names[0] != "1":
        raise InputError(
            f"measures of waves need a cyclic task (x+y and x-y modulo p, x*y and x/y modulo a prime), and this {task.kind} task has "
            "irreducible representations; take coset_distance or key_irrep_share."
        )
    if not {"W_in", "W_U"} <= set(params) or {"W_hidden", "W_out"} & set(params):
        raise InputError("measures of waves need a network with one hidden layer, W_in and W_U: an mlp or a quadratic network.")
    W_in = params["W_in"]
    tables = params.get("W_E")
    width = int(algorithm.operands.max()) + 1 if tables is None else tables.shape[-1]
    parts = [W_in[:width], W_in[-width:]]  # the same part twice where operands are added up
    if tables is not None:
        by_operand = [tables, tables] if tables.ndim == 2 else [tables[0], tables[1]]
        parts = [table @ part for table, part in zip(by_operand, parts, strict=True)]
    first, second = (part[algorithm.classes] for part in parts)
    return NeuronWeights(first, second, params["W_U"].T[algorithm.classes])


def _strongest_wave(values: Float[Array, "element neuron"]) -> tuple[Array, Array]:
    """The frequency with most power in each neuron, and its phase: that of cos(w x + phase)."""
    spectrum = jnp.fft.rfft(values, axis=0).at[0].set(0)
    frequency = jnp.abs(spectrum).argmax(axis=0)
    return frequency, jnp.angle(jnp.take_along_axis(spectrum, frequency[None], axis=0)[0])


def _sign_of_second(algorithm: Algorithm, n: int) -> int:
    """1 where the right answer is the sum of the operands' positions in the group, -1 where it is their difference."""
    rows = np.flatnonzero(algorithm.answers >= 0)
    x, y = algorithm.element_of[algorithm.operands[rows]].T
    return 1 if ((x + y) % n == algorithm.answers[rows]).all() else -1
