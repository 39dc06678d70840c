"""Clock or pizza? Two algorithms for sums modulo n that both turn circles, and are both right (Zhong et al., arXiv 2306.17844).

The distance of the operands is d = x - y where the answer is e = x + y, and d = x + y where it is e = x - y. With w = 2 pi k / n, the
clock multiplies waves of x and of y, and gives class c the logit cos w(e - c). The pizza adds the waves up and takes absolute values,
which gives |cos w d / 2| cos w(e - c). It knows nothing at distances where the two tokens lie opposite each other on the circle. A
second circle of twice the frequency can help there, with the logit -cos w d cos w(e - c). The paper calls this one accompanying.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from epicycle.circuits.algorithm import Algorithm, algorithm_of
from epicycle.circuits.splitting import aligned
from epicycle.circuits.strength import component_names
from epicycle.circuits.weight_spectra import ComponentPower, OfWeights, Where
from epicycle.maths.cross_entropy import margins
from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure, Params, Task
from epicycle.spec.fields import static

CLASS_SEED = 0  # of the class that is drawn for each row
Template = Literal["clock", "pizza", "accompanying"]
Circle = Literal["all", "main", "accompanying"]
Far = Literal["near", "far"]


class GradientSymmetricity(Measure):
    """Do both operands push a logit in the same direction? Mean cosine of a logit's gradients by the two tokens' embeddings.

    It is near 1 for a pizza, which reads a function of the sum of the two embeddings, and lower for a clock. A network that adds its
    operands up at once has 1 whatever it computes. One class is drawn for each row, and all rows count; the released code takes 100
    triples.
    """

    kind: ClassVar[str] = "gradient_symmetricity"

    @property
    def name(self) -> str:
        """`gradient_symmetricity`."""
        return "gradient_symmetricity"

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, the weights, and logits of all rows with changed embeddings."""
        return ("task", "params", "logits", "patched")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From -1 to 1; NaN if no logit depends on the operands."""
        table = snapshot["params"].get("W_E")
        if table is None:
            raise InputError(
                "gradient symmetricity needs a network that embeds its operands, and this one reads them as one-hot vectors."
            )
        first, second = _operand_positions(snapshot["task"])
        n_rows, n_logits = len(snapshot["logits"]), snapshot["logits"].shape[-1]
        classes = np.random.default_rng(CLASS_SEED).integers(n_logits, size=n_rows)

        def total(shift: Float[Array, "row operand d_model"]) -> Float[Array, ""]:
            logits = snapshot["patched"]((("hook_embed", lambda value: jnp.asarray(value).at[:, [first, second]].add(shift)),))
            logits = logits if logits.ndim == 2 else logits[:, 0]
            return jnp.take_along_axis(logits, classes[:, None], axis=1).sum()

        by_x, by_y = jnp.moveaxis(jax.grad(total)(jnp.zeros((n_rows, 2, table.shape[-1]), table.dtype)), 1, 0)
        lengths = jnp.sqrt(jnp.square(by_x).sum(axis=1) * jnp.square(by_y).sum(axis=1))
        return jnp.nanmean(jnp.where(lengths > 0, (by_x * by_y).sum(axis=1) / lengths, jnp.nan))


class DistanceIrrelevance(Measure):
    """How much does the right logit vary among rows of one distance? 1 if the distance does not matter, 0 if nothing else does.

    The standard deviation over answers at one distance, averaged over distances, divided by that over all rows.
    """

    kind: ClassVar[str] = "distance_irrelevance"

    @property
    def name(self) -> str:
        """`distance_irrelevance`."""
        return "distance_irrelevance"

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, and the logits of all rows."""
        return ("task", "logits")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1; NaN if all right logits are equal."""
        task, algorithm = snapshot["task"], algorithm_of(snapshot["task"])
        rows, answers = _distances(task), algorithm.classes[algorithm.answers]
        order = np.lexsort((algorithm.answers, rows)).reshape(len(algorithm.classes), -1)
        logits = snapshot["logits"] if snapshot["logits"].ndim == 2 else snapshot["logits"][:, 0]
        right = jnp.take_along_axis(logits, jnp.asarray(answers)[:, None], axis=1)[:, 0]
        return right[order].std(axis=1).mean() / right.std()


class Circularity(OfWeights):
    """Do the largest directions of the embedding turn tokens round a circle? 1 if each of the first four is one wave.

    The first four principal components are functions of the token. The share of each one that its best frequency explains is averaged
    over the four. Zhong et al. call an embedding circular from 0.995 on.
    """

    kind: ClassVar[str] = "circularity"
    where: Where = static("embedding")

    @property
    def name(self) -> str:
        """`embedding_circularity` or `unembedding_circularity`."""
        return f"{self.where}_circularity"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1."""
        functions, algorithm = self.functions(snapshot), algorithm_of(snapshot["task"])
        centred = functions - functions.mean(axis=0)
        directions = jnp.linalg.eigh(centred @ centred.T)[1][:, -4:]
        along = jnp.square(jnp.asarray(algorithm.basis, functions.dtype).T @ directions)
        by_component = jnp.zeros((len(algorithm.names), along.shape[1]), along.dtype).at[algorithm.owner].add(along)
        return by_component.max(axis=0).mean()


class OfCircles(Measure):
    """What the measures share that keep one circle of the embedding and take all others out.

    Attributes:
        circle: `all` leaves the network as it is. `main` keeps the mean of the embedding and the frequency k that has most of the
            unembedding's power. `accompanying` keeps the mean and the frequency 2 k. The name of the series then ends in `_main` or
            `_accompanying`.
    """

    circle: Circle = static("all")

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, the weights, the logits of all rows, and what the network would do with other weights."""
        return ("task", "params", "logits", "all", "measured_at")

    def isolated(self, snapshot: Mapping[str, Any]) -> Params:
        """The weights with one circle left in the embedding."""
        params, algorithm = snapshot["params"], algorithm_of(snapshot["task"])
        if "W_E" not in params or "W_U" not in params:
            raise InputError("circles are taken out of an embedding of its own (W_E beside W_U), which this network does not have.")
        kept = _main(snapshot)
        if self.circle == "accompanying":
            doubled = 2 * (np.arange(len(algorithm.names)) + 1) % len(algorithm.classes)
            kept = jnp.asarray(np.minimum(doubled, len(algorithm.classes) - doubled) - 1)[kept]
        return params | {"W_E": _with_one_circle(params["W_E"], kept, algorithm)}

    @property
    def _ending(self) -> str:
        return "" if self.circle == "all" else f"_{self.circle}"


class TemplateShare(OfCircles):
    """Share of the variance of all logits that the template of the clock, of the pizza or of the accompanying pizza explains.

    With `circle: main` or `accompanying` it is the share of the template of the main frequency in the logits of the network that has
    this circle alone, as in the paper. With `circle: all` it is the share of the templates of all frequencies in the whole network. A
    template with a negative coefficient explains nothing. Trained rows count too, so this is a measure of networks that generalise.

    Attributes:
        template: of the module's three formulas.
        by_component: with `circle: all`, one share for each frequency.
    """

    kind: ClassVar[str] = "template_share"
    template: Template = static("clock")
    by_component: bool = static(False)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the components, or none."""
        return ("component",) if self.by_component else ()

    @property
    def name(self) -> str:
        """`clock_share`, `pizza_share_main`, `accompanying_share_accompanying`, `pizza_share_by_component`, ..."""
        return f"{self.template}_share" + ("_by_component" if self.by_component else "") + self._ending

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """From 0 to 1; NaN if all logits are equal."""
        algorithm = algorithm_of(snapshot["task"])
        if self.circle != "all":
            whole = TemplateShare(template=self.template, by_component=True)
            return snapshot["measured_at"](whole, self.isolated(snapshot))[_main(snapshot)]
        part = aligned(snapshot["logits"], snapshot["all"], algorithm, shuffled=False)
        classes = (algorithm.answers[:, None] - np.arange(len(algorithm.classes))) % len(algorithm.classes)
        by_quotient = jnp.take_along_axis(part.logits, jnp.asarray(classes), axis=1)
        strengths = by_quotient @ jnp.asarray(algorithm.characters.T, by_quotient.dtype)
        heights = jnp.asarray(_row_heights(self.template, snapshot["task"]), by_quotient.dtype)
        along = jnp.maximum((strengths * heights).sum(axis=0), 0)
        shares = jnp.square(along) / jnp.square(heights).sum(axis=0) / jnp.square(part.logits).sum()
        return shares if self.by_component else shares.sum()

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the components."""
        del params
        return component_names(task) if self.by_component else {}


class DistanceAccuracy(OfCircles):
    """Share of right rows among those whose two tokens lie near each other on the main circle, or far apart.

    Attributes:
        tokens: `near` are the third of the distances with the largest |cos w d / 2| on the main circle, `far` the third with the
            smallest, where a pizza knows least.
    """

    kind: ClassVar[str] = "distance_accuracy"
    tokens: Far = static("far")

    @property
    def name(self) -> str:
        """`accuracy_near`, `accuracy_far_main`, ..."""
        return f"accuracy_{self.tokens}{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1; a tie counts as wrong."""
        algorithm = algorithm_of(snapshot["task"])
        if self.circle != "all":
            return snapshot["measured_at"](DistanceAccuracy(tokens=self.tokens), self.isolated(snapshot))
        part = aligned(snapshot["logits"], snapshot["all"], algorithm, shuffled=False)
        right = margins(part.logits, jnp.asarray(part.answers)) > 0
        heights = _heights("pizza", np.arange(len(algorithm.classes)), algorithm)
        order = np.argsort(-heights if self.tokens == "near" else heights, axis=0)[: len(heights) // 3]
        chosen = jnp.asarray(order)[:, _main(snapshot)]
        rows = (jnp.asarray(_distances(snapshot["task"]))[:, None] == chosen).any(axis=1)
        return (rows & right).sum() / rows.sum().astype(part.logits.dtype)


def _main(snapshot: Mapping[str, Any]) -> Int[Array, ""]:
    """The component with most of the unembedding's power."""
    return ComponentPower().fn(snapshot).argmax()


def _with_one_circle(
    table: Float[Array, "... token d_model"], kept: Int[Array, ""], algorithm: Algorithm
) -> Float[Array, "... token d_model"]:
    """An embedding in which elements of the group keep their mean and one frequency; other tokens stay as they are."""
    of_elements = table[..., algorithm.classes, :]
    waves = jnp.asarray(algorithm.basis, table.dtype) * (jnp.asarray(algorithm.owner) == kept)
    on_circle = jnp.einsum("ek,fk,...fd->...ed", waves, waves, of_elements)
    return table.at[..., algorithm.classes, :].set(of_elements.mean(axis=-2, keepdims=True) + on_circle)


def _row_heights(template: Template, task: Task) -> Float[ndarray, "row component"]:
    """By what a template multiplies cos w(e - c) in each row, for every frequency. The clock asks for no distance."""
    algorithm = algorithm_of(task)
    if template == "clock":
        return np.ones((len(algorithm.answers), len(algorithm.names)))
    return _heights(template, _distances(task), algorithm)


def _heights(
    template: Literal["pizza", "accompanying"], distances: Int[ndarray, " row"], algorithm: Algorithm
) -> Float[ndarray, "row component"]:
    half_angles = np.pi * np.outer(distances, np.arange(1, len(algorithm.names) + 1)) / len(algorithm.classes)
    return np.abs(np.cos(half_angles)) if template == "pizza" else -np.cos(2 * half_angles)


@lru_cache(maxsize=32)
def _distances(task: Task) -> Int[ndarray, " row"]:
    """The distance of the two operands of every row, see the module.

    Raises:
        InputError: the task is not that of all sums or all differences modulo an odd number.
    """
    algorithm, group = algorithm_of(task), task.answer_group()
    n, n_rows = len(algorithm.classes), len(algorithm.answers)
    if group is not None and group.is_cyclic and n % 2 and n_rows == n * n:
        x, y = np.argsort(algorithm.classes)[algorithm.operands].T
        for answer, distance in ((x + y, x - y), (x - y, x + y)):
            if (answer % n == algorithm.answers).all():
                return distance % n
    raise InputError(
        "clock and pizza are told apart by the distance of the operands, so they need all sums or all differences modulo an odd "
        f"number; this {task.kind} task has {n_rows} rows, and its answers are computed in a group of {n} elements. Use x+y or x-y "
        "with an odd p."
    )


@lru_cache(maxsize=32)
def _operand_positions(task: Task) -> tuple[int, int]:
    """The positions of the two operands in the inputs of a task."""
    table = task.table()
    is_operand = [
        [(table.inputs[:, position] == operand).all() for position in range(table.inputs.shape[1])] for operand in table.operands.T
    ]
    first, second = (int(np.argmax(each)) for each in is_operand)
    if not (is_operand[0][first] and is_operand[1][second]):
        raise InputError(
            f"gradient symmetricity needs rows that hold their two operands as tokens, and those of this {task.kind} task do not."
        )
    return first, second
