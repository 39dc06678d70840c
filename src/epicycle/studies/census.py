"""Census: how many algorithms of which strength are in one network, and can what is known of them mend its errors?

Long before test accuracy rises, a network answers its rows from memory, and the general algorithm is in it too, much weaker. To know
its circuit is of use if an edit that the circuit suggests mends what the network gets wrong. Here the embedding and the unembedding
keep the five strongest components of the general algorithm and lose the rest. Five other components are the null. Nothing is trained
after the edit. The components are chosen by what they add to the right answers of held-out rows.

Judged: R136 (algorithms of unequal strength), and of R137 the repair; not the adversarial examples. Settings were chosen on seeds from
1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log

from epicycle.circuits.ablated_loss import Excluded, Restricted
from epicycle.circuits.strength import GenLogit, GenPart, MemLogit
from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import ValueAt
from epicycle.edits.units import Project
from epicycle.literature.texts import THREAD
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.families import Edit
from epicycle.spec.observation import Observation
from epicycle.spec.selection import Selection
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, PRODUCT

QUESTION = "Are there several algorithms of unequal strength in one network, and can its circuit mend its errors?"
ONSET, HALF_WAY = MOMENTS = ("t_on", "test_acc>=0.5")


def _keeping(random: bool) -> ForkArm:
    """The embedding and the unembedding keep five components of the general algorithm: the strongest, or others."""
    which = Selection(of=GenLogit(by_component=True), top=5, random=random)
    edits: tuple[Edit, ...] = tuple(
        Project(tensors=(tensor,), axis=axis, basis="components", which=which) for tensor, axis in (("W_E", 0), ("W_U", 1))
    )
    return ForkArm(fork="products", at=ONSET, edits=edits, steps=1, sweep={"at": MOMENTS})


ARMS = {
    "products": RootArm(experiment=PRODUCT, seeds=FLIES),
    # The edit that the circuit suggests, and as large an edit that it does not suggest.
    "mended": _keeping(random=False),
    "mended_at_random": _keeping(random=True),
}

GEN_ALONE = Restricted(quantity="acc", fit="held_out", rows="test", components="all")
MEM_ALONE = Excluded(quantity="acc", fit="held_out", rows="train", components="all")
EARLY = "0.35*t_on"


def _early(series: str) -> ValueAt:
    return ValueAt(series=series, at=EARLY, arm="products")


def _after(moment: str, arm: str = "mended", log: bool = False) -> ValueAt:
    """Test accuracy right after the edit."""
    return ValueAt(series="test_acc", at="start", arm=arm, where={"at": moment}, log=log)


def _more_than_at_random(moment: str) -> Difference:
    return Difference(of=_after(moment, log=True), against=_after(moment, "mended_at_random", log=True), paired=True)


exploratory = partial(Claim, primary=False, sources=("thread2022",))
CLAIMS = (
    Claim(
        id="memory-is-far-stronger",
        says="Early on the way to the onset, memory is far stronger: less than a sixth of the right logit is the general algorithm's.",
        statistic=_early("gen_part"),
        supported_if=Region(above=0.0, below=1 / 6),
        refuted_if=Region(above=0.25),
        phenomenon="census",
        gates=(Gate(statistic=_early(MEM_ALONE.name), region=Region(above=0.9)),),
        accounts={
            **predictions("R136: several algorithms at different strengths", efficiency="yes"),
            **inferred("R104: unlikely to develop at the same time", free_path="no"),
        },
        sources=("thread2022",),
    ),
    Claim(
        id="the-weak-algorithm-can-be-told",
        says="Taken by itself, the weak general algorithm is right on more than a fifth of the held-out rows at that moment.",
        statistic=_early(GEN_ALONE.name),
        supported_if=Region(above=0.2),
        refuted_if=Region(below=0.1),
        phenomenon="census",
        accounts={
            **predictions("R136", efficiency="yes"),
            **inferred("R104", free_path="no"),
        },
        sources=("thread2022",),
    ),
    Claim(
        id="the-circuit-mends-most-errors",
        says="When half of the held-out rows are right, an edit that the circuit suggests makes more than three quarters right.",
        statistic=_after(HALF_WAY),
        supported_if=Region(above=0.75),
        refuted_if=Region(below=0.6),
        phenomenon="repair",
        accounts=predictions("R137: interpretability can mend a fault", efficiency="yes"),
        sources=("thread2022",),
    ),
    exploratory(
        id="other-components-mend-less",
        says="The edit that the circuit suggests leaves more than 1.5 times as many rows right as one with other components.",
        statistic=_more_than_at_random(HALF_WAY),
        supported_if=Region(above=log(1.5)),
        refuted_if=Region(below=log(1.1)),
        phenomenon="repair",
        accounts=predictions("R137: at least twice as much as a random edit", efficiency="yes"),
    ),
    exploratory(
        id="the-circuit-mends-most-errors-at-the-onset",
        says="Even at the onset the edit makes more than half of the held-out rows right.",
        statistic=_after(ONSET),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.3),
        phenomenon="repair",
        accounts=inferred("R145: the circuit is nearly right by then", superposition="yes"),
    ),
    exploratory(
        id="other-components-mend-less-at-the-onset",
        says="At the onset it leaves more than 1.5 times as many rows right as an edit with other components.",
        statistic=_more_than_at_random(ONSET),
        supported_if=Region(above=log(1.5)),
        refuted_if=Region(below=log(1.1)),
        phenomenon="repair",
    ),
)

FIGURES = (
    Figure(
        title="How many held-out rows are right after the edit, and after one with other components?",
        arms=("mended", "mended_at_random"),
        quantities=(_after(ONSET),),
        along="at",
        decides="the-circuit-mends-most-errors",
    ),
    Figure(
        title="What would each algorithm answer by itself, and how strong is the general one?",
        arms=("products",),
        series=(GEN_ALONE.name, MEM_ALONE.name, "gen_part", "test_acc"),
        events=("t_mem", "t_on", "t_gen"),
    ),
)

STUDY = Study(
    name="census",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD,),
    observation=Observation(measures=(*Observation().measures, GenLogit(), MemLogit(), GenPart(), GEN_ALONE, MEM_ALONE)),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
