"""Way between: is there a way without a barrier between two algorithms that are written by hand into one network?

The thread on general circuits has an analogy from hardware: no series of small changes leads from one design of a multiplier to a
better one, unless what lies between is worse (R101). Here two algorithms for x + y modulo 11 are written into the weights of a
quadratic network. A *table* has one neuron for each pair and looks the sum up. *Waves* add angles (Gromov 2023). Both are right on
all pairs. In the first network they use the same 121 neurons, and in the wide one each has neurons of its own (R103).

Paths lead from the table to the waves: the straight line, a Bezier curve, a band, or a walk that takes no step uphill
(docs/forks.md, `along_path`). Forks begin at the highest point of a path, and their first record is judged. The waves are written a
little stronger, so that a path ends lower than it begins. Nothing is trained. Settings were chosen on seeds from 1000 on (LOG.md,
2026-11-27).
"""

from functools import partial
from math import log
from typing import Any, Literal

from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import ValueAt
from epicycle.edits.along_path import AlongPath
from epicycle.literature.texts import GARIPOV, GROMOV, THREAD
from epicycle.models.quadratic import Quadratic
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.account_answers import inferred, predictions
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import SGD

QUESTION = "Is there a way without a barrier between two algorithms that are written by hand into one network?"

P, SEEDS, SEARCH = 11, 24, 100
ROWS = P * P
TABLE_SCALE, WAVES_SCALE = 2.2, 3.0  # the right logit leads by 11, and by 23 on average
SMALL = 0.034  # nats, as in study `barrier`

Weights = Literal["lookup", "analytic"]


def _written(weights: Weights, d_mlp: int) -> RootArm:
    """An algorithm, and a single step that is too small to change it."""
    table = weights == "lookup"
    model = Quadratic(
        d_mlp=d_mlp,
        scaling="standard",
        weights=weights,
        written=None if table else ROWS,
        init_scale=TABLE_SCALE if table else WAVES_SCALE,
    )
    training = Training(optimiser=SGD(lr=1e-6), steps=1)
    task, split = Modular(p=P, operation="x+y"), Split(frac_train=0.9)
    return RootArm(experiment=Experiment(task=task, split=split, model=model, training=training), seeds=SEEDS)


def _from(arm: str, *edits: AlongPath) -> ForkArm:
    return ForkArm(fork=arm, at=1, edits=edits, steps=1)


def _along(path: Any, donor: str, weight: Any = "top") -> AlongPath:
    return AlongPath(tensors=("*",), donor=donor, path=path, weight=weight, search=SEARCH)


def _paths(prefix: str) -> dict[str, ForkArm]:
    """Where a path begins and ends, and the highest points of paths from the table to the waves."""
    table, waves = f"{prefix}table", f"{prefix}waves"
    return {
        f"{prefix}begin": _from(table),
        f"{prefix}end": _from(waves),
        f"{prefix}line_top": _from(table, _along("straight", waves)),
        f"{prefix}curve_top": _from(table, _along("bezier", waves)),
        f"{prefix}band_top": _from(table, _along("band", waves)),
        f"{prefix}walk_top": _from(table, _along("walk", waves)),
        f"{prefix}walk_end": _from(table, _along("walk", waves, 1.0)),
    }


ARMS: dict[str, RootArm | ForkArm] = {
    # Both algorithms use all neurons.
    "table": _written("lookup", ROWS),
    "waves": _written("analytic", ROWS),
    **_paths(""),
    # Each algorithm has neurons of its own.
    "wide_table": _written("lookup", 2 * ROWS),
    "wide_waves": _written("analytic", 2 * ROWS),
    **_paths("wide_"),
}


def _loss(arm: str, logs: bool = False) -> ValueAt:
    """The training loss with which forks begin."""
    return ValueAt(series="train_loss", at="start", arm=arm, log=logs)


def _rise(top: str, begin: str, logs: bool) -> Difference:
    return Difference(of=_loss(top, logs), against=_loss(begin, logs), paired=True)


def _arrives(prefix: str) -> Gate:
    """The walk ends with the loss of the waves."""
    return Gate(statistic=_rise(f"{prefix}walk_end", f"{prefix}end", logs=True), region=Region(above=-0.05, below=0.05))


NO_WAY = {
    **predictions("R101: no incremental route without worse intermediates", free_path="no"),
    **inferred("R096: an activation barrier", barrier="no"),
}
A_WAY = {
    **predictions("R103: large enough that they share no parameters", free_path="yes"),
    **inferred("R096: an activation barrier", barrier="no"),
}
HARDLY = {"supported_if": Region(below=SMALL), "refuted_if": Region(above=0.1)}
claim: Any = partial(Claim, phenomenon="barrier", sources=("thread2022",))
exploratory: Any = partial(claim, primary=False)
CLAIMS = (
    claim(
        id="a-walk-joins-them",
        says="A walk from the table to the waves in the same neurons keeps the training loss below 2 times what it was.",
        statistic=_rise("walk_top", "begin", logs=True),
        supported_if=Region(below=log(2)),
        refuted_if=Region(above=log(10)),
        gates=(_arrives(""),),
        accounts=NO_WAY,
    ),
    claim(
        id="the-straight-line-rises",
        says="The straight line from the table to the waves in the same neurons rises by more than 0.1 nats.",
        statistic=_rise("line_top", "begin", logs=False),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=SMALL),
        accounts=predictions("R101: worse intermediates", free_path="yes"),
    ),
    claim(
        id="width-lowers-the-line",
        says="If each has neurons of its own, the straight line rises less, by more than 2 times.",
        statistic=Difference(of=_loss("wide_line_top", True), against=_loss("line_top", True), paired=True),
        supported_if=Region(below=-log(2)),
        refuted_if=Region(above=-log(1.2)),
        accounts=predictions("R103: interference falls with width", free_path="yes"),
    ),
    *(
        exploratory(
            id=f"a-{path}-hardly-rises",
            says=f"A {path} from the table to the waves in the same neurons rises by less than {SMALL:g} nats.",
            statistic=_rise(f"{path}_top", "begin", logs=False),
            accounts=NO_WAY,
            **HARDLY,
        )
        for path in ("curve", "band")
    ),
    exploratory(
        id="a-walk-joins-them-in-a-wide-network",
        says="With neurons of their own, too, a walk keeps the training loss below 2 times what it was.",
        statistic=_rise("wide_walk_top", "wide_begin", logs=True),
        supported_if=Region(below=log(2)),
        refuted_if=Region(above=log(10)),
        gates=(_arrives("wide_"),),
        accounts=A_WAY,
    ),
    exploratory(
        id="a-curve-hardly-rises-in-a-wide-network",
        says=f"With neurons of their own, too, a curve rises by less than {SMALL:g} nats.",
        statistic=_rise("wide_curve_top", "wide_begin", logs=False),
        accounts=A_WAY,
        **HARDLY,
    ),
    exploratory(
        id="the-line-rises-in-a-wide-network",
        says="With neurons of their own, too, the straight line rises by more than 0.1 nats.",
        statistic=_rise("wide_line_top", "wide_begin", logs=False),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=SMALL),
        accounts=inferred("R103: interference falls with width", free_path="no"),
    ),
)

FIGURES = (
    Figure(
        title="How high is the training loss where a path begins, and at its highest point?",
        arms=("begin", "walk_top", "band_top", "curve_top", "line_top"),
        quantities=(_loss("begin", True),),
        decides="a-walk-joins-them",
    ),
    Figure(
        title="And in a network with twice the neurons?",
        arms=("wide_begin", "wide_walk_top", "wide_band_top", "wide_curve_top", "wide_line_top"),
        quantities=(_loss("wide_begin", True),),
        decides="width-lowers-the-line",
    ),
)

STUDY = Study(
    name="way_between",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, GROMOV, GARIPOV),
    observation=Observation(checkpoint_megabytes=10),
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
