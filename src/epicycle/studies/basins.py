"""Basins: does a picture of the loss show what a network learns, and can a network go down two basins at once?

The post on visible basins says that a path in a picture of the loss does not reflect what is learned (R148), draws two basins whose
losses add up, of which one sees the wide one alone (R153), expects that a better rule wins where the ground favours another one
(R155), and asks whether two algorithms also grow at once in networks with fewer parameters than examples (R158). Each claim on the toy
stands beside one on the fly.

The toy is `summed_basins`. Its narrow basin is a tenth as deep as the wide one, so that it is a hundredth of the relief of a picture;
this is a choice, not a finding. Whether the size of a basin at the start says which end is used (R152) is not judged: that needs the
volumes of two ends of the same network. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log
from typing import Any

from epicycle.circuits.strength import GenLogit, GenPart, MemLogit
from epicycle.claims.differences import Difference
from epicycle.claims.path_planes import PlaneView
from epicycle.claims.series_quantities import Extreme, ValueAt
from epicycle.claims.shares import RegionShare
from epicycle.claims.transitions import Transition
from epicycle.edits.knobs import Set
from epicycle.literature.texts import BASINS
from epicycle.measures.path_sketch import WeightSketch
from epicycle.measures.update_effects import UpdateEffect
from epicycle.models.mlp import MLP
from epicycle.spec.arms import Arm, ForkArm, RootArm, TheoryArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.derived import WithheldSplit
from epicycle.splits.drawn import Split
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY, P, fly
from epicycle.tasks.mixed_rules import MixedRules
from epicycle.tasks.modular import Modular
from epicycle.tasks.random_tables import RandomTable
from epicycle.theory.summed_basins import SummedBasins

QUESTION = "Does a picture of the loss show what a network learns, and can a network go down two basins at once?"

WEAK, STRONG = 0.01, 0.2
COUPLINGS = (WEAK, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, STRONG)
FEW_DIMS, MANY_DIMS = 3, 100
EXCEPTIONS = 3  # first operands on which the favoured rule is wrong: a tenth of the rows
FAVOURED_UNTIL = 1000  # steps. By then a fly answers most rows of this kind by the favoured rule, though it has seen none of them.
SUM, DIFFERENCE = (Modular(p=P, operation=operation) for operation in ("x+y", "x-y"))
TWO_RULES = MixedRules(of=SUM, other=DIFFERENCE, share=EXCEPTIONS / P, rows="first_large")
FRAC_TRAIN = 0.7


def _whole(experiment: Experiment, steps: int) -> Experiment:
    """For claims about the end of the budget."""
    return experiment.swept("training.stop", None).swept("training.steps", steps)


def _small(task: Any) -> RootArm:
    """1,696 parameters for 2,088 rows."""
    return RootArm(experiment=_whole(fly(task, network=MLP(d_model=8, d_mlp=16)), 400), seeds=FLIES)


def _basins(dims: int = 10, **fields: float) -> SummedBasins:
    return SummedBasins.model_validate({"wide_dims": dims, "narrow_dims": dims, "coupling": WEAK, **fields})


def _over_couplings(dims: int) -> TheoryArm:
    return TheoryArm(theory=_basins(dims), seeds=FLIES, sweep={"coupling": COUPLINGS})


_MIXED = _whole(fly(TWO_RULES, FRAC_TRAIN), 1800)
ARMS: dict[str, Arm] = {
    # The toy: two basins in 2 x 10 coordinates, the same from the floor of the wide one, and in few and in many coordinates.
    "toy": TheoryArm(theory=_basins(), seeds=FLIES),
    "toy_settled": TheoryArm(theory=_basins(wide_distance=0.0), seeds=FLIES),
    "toy_few_dims": _over_couplings(FEW_DIMS),
    "toy_many_dims": _over_couplings(MANY_DIMS),
    # The network whose path is pictured.
    "fly": RootArm(experiment=_whole(FLY, 1000), seeds=FLIES),
    # x + y, but x - y where x is large: all rows from the start, and a network that first learns x + y on the other rows.
    "unshaped": RootArm(experiment=_MIXED, seeds=FLIES),
    "shaped": RootArm(
        experiment=_MIXED.model_copy(
            update={
                "split": WithheldSplit(of=Split(frac_train=FRAC_TRAIN), first_operands=(P - EXCEPTIONS, P - 1), until=FAVOURED_UNTIL)
            }
        ),
        seeds=FLIES,
    ),
    "shaped_no_decay": ForkArm(fork="shaped", at=FAVOURED_UNTIL, edits=(Set(knob="weight_decay", to=0.0),), steps=800),
    # Fewer parameters than rows.
    "few_difference": _small(Modular(p=59, operation="x-y")),
    "few_sum": _small(Modular(p=59, operation="x+y")),
    "few_no_rule": _small(RandomTable(n=59, latin=True)),
}

MEASURES = (GenLogit(), MemLogit(), GenPart(), WeightSketch(), UpdateEffect(of=GenLogit(), part="loss"))


def _seen(explains: str | None, **fields: str) -> PlaneView:
    """What one sees of a fly's path in the plane of its two main directions."""
    return PlaneView.model_validate({"explains": explains, "arm": "fly", **fields})


def _share(series: str, arm: str, region: Region, **where: float) -> RegionShare:
    """In how many runs the last value lies in a region."""
    return RegionShare(of=Extreme(series=series, arm=arm, where=dict(where)), region=region)


def _last(series: str, arm: str, **where: float) -> Extreme:
    return Extreme(series=series, arm=arm, where=dict(where))


def _threshold(arm: str) -> ValueAt:
    """How far from the narrow minimum descent ends."""
    return ValueAt(series="narrow_distance", at="end", arm=arm)


REACHED, GENERAL, NOT_GENERAL = Region(above=0.5), Region(above=0.95), Region(below=0.9)
MOST = {"supported_if": Region(above=0.8), "refuted_if": Region(below=0.5)}
EARLY, HALF_WAY = "0.2*end", "0.5*t_on"
exploratory = partial(Claim, primary=False, sources=("basins",))


def _of_few_parameters(arm: str, task: str) -> tuple[Claim, ...]:
    """R143 and R147 on a network with fewer parameters than rows."""
    chance = Gate(statistic=ValueAt(series="test_acc", at=EARLY, minus="baseline", arm=arm), region=Region(below=0.02))
    carried_over = inferred("R143, carried over to fewer parameters (R158)", superposition="yes")
    return (
        exploratory(
            id=f"gen-is-there-early-{arm.replace('_', '-')}",
            says=f"A network with fewer parameters than rows has the general algorithm of {task} while test accuracy is at chance.",
            statistic=Difference(
                of=ValueAt(series="gen_logit", at=EARLY, arm=arm),
                against=ValueAt(series="gen_logit", at=EARLY, arm="few_no_rule"),
                paired=True,
            ),
            supported_if=Region(above=0.03),
            refuted_if=Region(below=0.01),
            phenomenon="two-at-once",
            gates=(chance,),
            accounts=carried_over,
        ),
        exploratory(
            id=f"the-loss-pushes-gen-{arm.replace('_', '-')}",
            says=f"Half-way to the onset the loss pushes the general algorithm of {task} up, by more than 0.002 logits a step.",
            statistic=ValueAt(series="gen_logit_by_loss", at=HALF_WAY, arm=arm),
            supported_if=Region(above=0.002),
            refuted_if=Region(below=0.0),
            phenomenon="forces",
            accounts=predictions("R147, R158", superposition="yes"),
        ),
        exploratory(
            id=f"memory-decides-first-{arm.replace('_', '-')}",
            says=f"Half-way to the onset of {task} less than 0.4 of the right logit is the general algorithm's.",
            statistic=ValueAt(series="gen_part", at=HALF_WAY, arm=arm),
            supported_if=Region(above=-1.0, below=0.4),
            refuted_if=Region(above=0.6),
            phenomenon="two-at-once",
            accounts=predictions("R143, R158", superposition="yes"),
        ),
    )


CLAIMS = (
    Claim(
        id="a-picture-does-not-show-gen",
        says="What one sees in a picture of the path says less than 0.2 of how strong the general algorithm is.",
        statistic=_seen("gen_logit"),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.6),
        phenomenon="pictures",
        gates=(Gate(statistic=_seen("train_loss"), region=Region(above=0.8)),),
        accounts=predictions("R148: does not reflect what is learned", superposition="yes"),
        sources=("basins",),
    ),
    Claim(
        id="descent-goes-down-both-basins",
        says="Where the basins hardly disturb each other, descent reaches the narrow minimum too, in more than 0.8 of the runs.",
        statistic=_share("narrow_reached", "toy", REACHED),
        **MOST,
        phenomenon="two-basins",
        gates=(Gate(statistic=_share("wide_reached", "toy", REACHED), region=Region(above=0.8)),),
        accounts={
            **predictions("R153: descent goes down both", superposition="yes"),
            **inferred("R142: it stumbles on the narrow one by chance", single_hit="no"),
        },
        sources=("basins",),
    ),
    Claim(
        id="the-better-rule-wins-on-shaped-ground",
        says="More than 0.8 of the networks that begin with the favoured rule end at the better one.",
        statistic=_share("test_acc", "shaped", GENERAL),
        **MOST,
        phenomenon="shaping",
        gates=(Gate(statistic=ValueAt(series="test_acc", at="0.54*end", arm="shaped"), region=Region(above=0.6, below=0.9)),),
        accounts=predictions("R155: may fail if another fits better", superposition="yes"),
        sources=("basins",),
    ),
    exploratory(
        id="one-sees-the-wide-basin-alone",
        says="In a picture of the toy the narrow basin is less than 0.1 of the relief.",
        statistic=_last("pca_narrow_relief", "toy"),
        supported_if=Region(below=0.1),
        refuted_if=Region(above=0.3),
        phenomenon="pictures",
        accounts=predictions("R153: you only see the wide one", superposition="yes"),
    ),
    exploratory(
        id="the-toy-says-pictures-show-the-narrow-basin",
        says="In the toy, too, what one sees says less than 0.2 of how far down the narrow basin descent is.",
        statistic=_last("pca_narrow_r2", "toy"),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.6),
        phenomenon="pictures",
        accounts=inferred("R148 and R153 together", superposition="yes"),
    ),
    exploratory(
        id="a-strong-coupling-closes-the-narrow-basin",
        says="Where the basins disturb each other much, less than 0.2 of the runs reach the narrow minimum.",
        statistic=_share("narrow_reached", "toy_many_dims", REACHED, coupling=STRONG),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.5),
        phenomenon="two-basins",
        accounts=predictions("R153: below a threshold", superposition="yes"),
    ),
    exploratory(
        id="more-dimensions-bear-more-coupling",
        says="In many dimensions the basins bear more than 1.5 times the coupling that they bear in few.",
        statistic=Transition(
            of=_threshold("toy_many_dims"), along="coupling", level=0.15, what="log_ratio", over=_threshold("toy_few_dims")
        ),
        supported_if=Region(above=log(1.5)),
        refuted_if=Region(below=log(1.15)),
        phenomenon="two-basins",
        accounts=predictions("R153: the threshold rises with d", superposition="yes"),
    ),
    exploratory(
        id="the-toy-leaves-the-floor-of-the-wide-basin",
        says="From the floor of the wide basin, too, more than 0.8 of the runs reach the narrow minimum.",
        statistic=_share("narrow_reached", "toy_settled", REACHED),
        **MOST,
        phenomenon="shaping",
        accounts=inferred("R155", superposition="yes"),
    ),
    exploratory(
        id="a-picture-shows-more-than-of-a-random-walk",
        says="The plane of a picture has more than 0.76 of the path's variance, what one has of a random walk in many dimensions.",
        statistic=_seen(None),
        supported_if=Region(above=0.76),
        refuted_if=Region(below=0.7),
        phenomenon="pictures",
    ),
    exploratory(
        id="a-picture-shows-the-training-loss",
        says="What one sees says more than 0.8 of the training loss.",
        statistic=_seen("train_loss"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.6),
        phenomenon="pictures",
        accounts=predictions("R148", superposition="yes"),
    ),
    exploratory(
        id="a-picture-does-not-show-gen-on-the-plateau",
        says="Between memorising and the onset, too, what one sees says less than 0.2 of how strong the general algorithm is.",
        statistic=_seen("gen_logit", since="t_mem", until="t_on"),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.6),
        phenomenon="pictures",
        accounts=predictions("R148", superposition="yes"),
    ),
    exploratory(
        id="without-decay-the-favoured-rule-stays",
        says="Without weight decay from then on, more than 0.8 of the networks stay below 0.9 of the held-out rows.",
        statistic=_share("test_acc", "shaped_no_decay", NOT_GENERAL),
        **MOST,
        phenomenon="shaping",
        accounts=inferred("R171: once it is found, a little regularisation rewards it", simplicity="yes"),
    ),
    exploratory(
        id="the-better-rule-wins-on-even-ground",
        says="Of the networks that see all rows from the start more than 0.8 end at the better rule.",
        statistic=_share("test_acc", "unshaped", GENERAL),
        **MOST,
        phenomenon="shaping",
    ),
    *_of_few_parameters("few_difference", "x - y"),
    *_of_few_parameters("few_sum", "x + y"),
)

FIGURES = (
    Figure(
        title="How much of the loss, of the general algorithm and of the path does a picture of the path show?",
        arms=("fly",),
        quantities=(_seen("train_loss"), _seen("gen_logit"), _seen(None)),
        decides="a-picture-does-not-show-gen",
    ),
    Figure(
        title="Does descent go down both basins?", arms=("toy", "toy_settled"), series=("wide_distance", "narrow_distance"), events=()
    ),
    Figure(
        title="How far from the narrow minimum does descent end?",
        arms=("toy_few_dims", "toy_many_dims"),
        quantities=(_threshold("toy_few_dims"),),
        along="coupling",
    ),
    Figure(
        title="Does the better rule win where the network begins with another one?",
        arms=("unshaped", "shaped", "shaped_no_decay"),
        series=("train_acc", "test_acc"),
        events=("t_gen",),
    ),
    Figure(
        title="When do the two algorithms grow in a network with fewer parameters than rows?",
        arms=("few_difference", "few_sum", "few_no_rule"),
        series=("gen_logit", "mem_logit"),
        log=True,
        events=("t_on", "t_gen"),
    ),
)

STUDY = Study(
    name="basins",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(BASINS,),
    observation=Observation(measures=(*Observation().measures, *MEASURES), checkpoint_megabytes=10),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
