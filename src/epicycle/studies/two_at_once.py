"""Two algorithms at once: is the general algorithm there while the network memorises, and when does it take over?

Gen is the share of the network's computation that is the general algorithm of its task, and Mem is the rest (docs/circuits.md). Flies
on a random Latin square have the same inputs, the same number of classes and the same shadow of memory, and no rule to find: they show
what the measures see where there is nothing. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-26).

The rows on gradients and on feedback (R144, R147, R150: `forces`), on moves through weight space (R042, R043: `paths`) and on forks
without Gen (R149, R159, R162: `reset`) are not judged here.
"""

from functools import partial
from math import log10

from epicycle.circuits.ablated_loss import Excluded, Restricted
from epicycle.circuits.circles import TokenCircles
from epicycle.circuits.neurons import NeuronShare
from epicycle.circuits.strength import GenLogit, GenPart, GenQuality, GenShare, MemLogit
from epicycle.circuits.weight_spectra import ComponentPower
from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import Extreme, SeriesChange, Trend, ValueAt
from epicycle.literature.texts import BASINS, THREAD
from epicycle.measures.answer_maps import AnswerMap
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY, MICE, ON_MOUSE, P, fly
from epicycle.tasks.random_tables import RandomTable

QUESTION = "Does the general algorithm grow in superposition with memory from the start, or does it come when accuracy rises?"


def with_nulls(steps: int) -> dict[str, RootArm]:
    """Flies with a rule, without one, and without decay, to the end of a budget: claims are about that end, so no stop ends a run."""

    def arm(experiment: Experiment) -> RootArm:
        return RootArm(experiment=experiment.swept("training.stop", None).swept("training.steps", steps), seeds=FLIES)

    return {
        # The phenomenon.
        "rule": arm(FLY),
        # What do the measures see where there is no rule?
        "no_rule": arm(fly(RandomTable(n=P, latin=True))),
        # What becomes of the general algorithm in a network that never generalises?
        "no_decay": arm(FLY.swept("training.optimiser.weight_decay", 0.0)),
    }


ARMS = with_nulls(1500)  # about twice the median time of generalisation

# What Gen alone, and all but Gen, would answer. Both are fitted to held-out rows, less the shadow of memory.
GEN_ALONE = Restricted(quantity="acc", fit="held_out", rows="test", components="all")
GEN_ALONE_ON_TRAINED = Restricted(quantity="acc", fit="held_out", rows="train", components="all")
MEM_ALONE_ON_TRAINED = Excluded(quantity="acc", fit="held_out", rows="train", components="all")
PUBLISHED = Restricted(quantity="acc", rows="test", components="all")
MEASURES = (
    GenLogit(),
    MemLogit(),
    GenPart(),
    GenShare(),
    GenShare(null="shuffled"),
    GenQuality(),
    GEN_ALONE,
    GEN_ALONE_ON_TRAINED,
    MEM_ALONE_ON_TRAINED,
    PUBLISHED,
)
# What the pictures show beside: several numbers at a step.
PICTURED = (
    ComponentPower(where="embedding"),
    TokenCircles(where="embedding"),
    NeuronShare(),
    NeuronShare(by_component=True),
    AnswerMap(),
)


def _gen(at: str, arm: str = "rule") -> ValueAt:
    """Gen in units of the logits."""
    return ValueAt(series="gen_logit", at=at, arm=arm)


def _more_than_without_a_rule(at: str) -> Difference:
    """Gen, less that of a fly on a random square with the same seed, which has the same first weights and trained pairs."""
    return Difference(of=_gen(at), against=_gen(at, "no_rule"), paired=True)


GENERALISES = Gate(statistic=Extreme(series="test_acc", arm="rule"), region=Region(above=0.9))
FLAT = Gate(statistic=ValueAt(series="test_acc", at="0.5*t_on", minus="baseline", arm="rule"), region=Region(below=0.02))
exploratory = partial(Claim, primary=False, sources=("basins",))
CLAIMS = (
    Claim(
        id="gen-is-there-when-the-rows-are-memorised",
        says="When a network has just memorised its rows, the general algorithm is already in it.",
        statistic=_more_than_without_a_rule("t_mem"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.05),
        phenomenon="two-at-once",
        gates=(GENERALISES,),
        accounts={
            **predictions("R143: almost from the start", superposition="yes"),
            **predictions("R034: a small share from the start", coverage="yes"),
            **predictions("R042, R142: moves at random until it hits", single_hit="no"),
        },
        sources=("basins", "thread2022"),
    ),
    Claim(
        id="gen-doubles-on-the-plateau",
        says="The general algorithm more than doubles while test accuracy is still at chance.",
        statistic=SeriesChange(series="gen_logit", since="t_mem", until="0.5*t_on", decades=True, arm="rule"),
        supported_if=Region(above=log10(2)),
        refuted_if=Region(below=0.0),
        phenomenon="two-at-once",
        gates=(GENERALISES, FLAT),
        accounts={
            **predictions("R143, R163: increasingly implemented", superposition="yes"),
            **predictions("R042, R142", single_hit="no"),
        },
        sources=("basins", "thread2022"),
    ),
    Claim(
        id="memory-decides-at-first",
        says="When a network has just memorised its rows, less than a fifth of the right logit is the general algorithm's.",
        statistic=ValueAt(series="gen_part", at="t_mem", arm="rule"),
        supported_if=Region(above=-1.0, below=0.2),
        refuted_if=Region(above=0.5),
        phenomenon="two-at-once",
        accounts={**predictions("R143", superposition="yes"), **predictions("R034", coverage="yes")},
        sources=("basins", "thread2022"),
    ),
    exploratory(
        id="gen-is-there-before-the-rows-are-memorised",
        says="After 0.02 of the steps, before the rows are memorised, the general algorithm is in the network.",
        statistic=_more_than_without_a_rule("0.02*end"),
        supported_if=Region(above=0.05),
        refuted_if=Region(below=0.02),
        phenomenon="two-at-once",
        accounts={**predictions("R143, R034", superposition="yes", coverage="yes"), **predictions("R142", single_hit="no")},
    ),
    exploratory(
        id="gen-rises-throughout",
        says="From memorising to generalising the general algorithm rises all the time.",
        statistic=Trend(series="gen_logit", since="t_mem", until="t_gen", arm="rule"),
        supported_if=Region(above=0.95),
        refuted_if=Region(below=0.7),
        phenomenon="two-at-once",
        accounts=predictions("R143, R160: monotone", superposition="yes"),
    ),
    exploratory(
        id="gen-is-nearly-right-at-the-onset",
        says="When test accuracy begins to rise, the general algorithm alone is right on more than 0.8 of the held-out rows.",
        statistic=ValueAt(series=GEN_ALONE.name, at="t_on", arm="rule"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="two-at-once",
        accounts={
            **predictions("R145: circuits are almost right by then", superposition="yes"),
            **inferred("R145: the circuit becomes general as accuracy rises", coverage="no"),
        },
    ),
    exploratory(
        id="gen-is-of-ideal-form-at-the-onset",
        says="When test accuracy begins to rise, more than 0.8 of what depends on the answer has the ideal form.",
        statistic=ValueAt(series="gen_quality", at="t_on", arm="rule"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="two-at-once",
        accounts=predictions("R145, R160", superposition="yes"),
    ),
    exploratory(
        id="two-complete-algorithms",
        says="When test accuracy begins to rise, the general algorithm alone and memory alone are each right on most trained rows.",
        statistic=ValueAt(series=MEM_ALONE_ON_TRAINED.name, at="t_on", arm="rule"),
        gates=(Gate(statistic=ValueAt(series=GEN_ALONE_ON_TRAINED.name, at="t_on", arm="rule"), region=Region(above=0.5)),),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.4),
        phenomenon="two-at-once",
        accounts={
            **predictions("R143", superposition="yes"),
            **predictions("R104: unlikely to develop at the same time", free_path="no"),
        },
        sources=("basins", "thread2022"),
    ),
    exploratory(
        id="both-are-as-strong-at-the-onset",
        says="When test accuracy begins to rise, 0.4 to 0.6 of the right logit is the general algorithm's: it overtakes memory then.",
        statistic=ValueAt(series="gen_part", at="t_on", arm="rule"),
        supported_if=Region(above=0.4, below=0.6),
        refuted_if=Region(above=0.7, below=0.3),
        phenomenon="two-at-once",
        accounts=inferred("R149: the onset is when the switch no longer hurts", superposition="yes"),
    ),
    exploratory(
        id="gen-grows-without-decay",
        says="Without weight decay the general algorithm grows too: it more than doubles after memorising.",
        statistic=SeriesChange(series="gen_logit", since="t_mem", until="end", decades=True, arm="no_decay"),
        supported_if=Region(above=log10(2)),
        refuted_if=Region(below=0.0),
        phenomenon="two-at-once",
        accounts=inferred("R147: the gradient points to it all the time", superposition="yes"),
    ),
    exploratory(
        id="without-decay-memory-decides-to-the-end",
        says="Without weight decay memory still decides at the end: less than a fifth of the right logit is the general algorithm's.",
        statistic=ValueAt(series="gen_part", at="end", arm="no_decay"),
        supported_if=Region(above=-1.0, below=0.2),
        refuted_if=Region(above=0.5),
        phenomenon="regularisation",
        accounts=inferred("section 3: decay makes the general circuit win", efficiency="yes"),
    ),
    exploratory(
        id="gen-takes-over",
        says="In the end more than three quarters of the right logit is the general algorithm's.",
        statistic=ValueAt(series="gen_part", at="end", arm="rule"),
        supported_if=Region(above=0.75),
        refuted_if=Region(below=0.5),
        phenomenon="two-at-once",
        accounts=predictions("R171: memory is quickly replaced", simplicity="yes"),
    ),
    exploratory(
        id="logits-are-waves-in-the-end",
        says="In the end the general algorithm explains more than 0.9 of the variance of held-out logits.",
        statistic=ValueAt(series="gen_share", at="end", arm="rule"),
        supported_if=Region(above=0.9),
        refuted_if=Region(below=0.5),
        phenomenon="two-at-once",
        accounts=predictions("R167: a discrete Fourier transform", simplicity="yes"),
    ),
    exploratory(
        id="the-published-form-finds-a-rule-where-there-is-none",
        says="The restricted accuracy of the literature calls more than half of the held-out rows of a random square right.",
        statistic=ValueAt(series=PUBLISHED.name, at="end", arm="no_rule"),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.2),
        phenomenon="two-at-once",
    ),
    exploratory(
        id="the-form-on-held-out-rows-does-not",
        says="Fitted to held-out rows, the restricted accuracy calls less than 0.2 of them right.",
        statistic=ValueAt(series=GEN_ALONE.name, at="end", arm="no_rule"),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.5),
        phenomenon="two-at-once",
    ),
)

ALL_ARMS = tuple(ARMS)
FIGURES = (
    Figure(
        title="When does the general algorithm begin to grow, and when does it overtake memory?",
        arms=ALL_ARMS,
        series=("gen_logit", "mem_logit"),
        events=("t_mem", "t_on", "t_gen"),
        decides="gen-is-there-when-the-rows-are-memorised",
    ),
    Figure(
        title="What does accuracy show meanwhile?", arms=ALL_ARMS, series=("train_acc", "test_acc"), events=("t_mem", "t_on", "t_gen")
    ),
    Figure(
        title="What would the general algorithm alone answer, and what memory alone?",
        arms=ALL_ARMS,
        series=(GEN_ALONE.name, GEN_ALONE_ON_TRAINED.name, MEM_ALONE_ON_TRAINED.name),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="How much of the logits' variance is the general algorithm?", arms=ALL_ARMS, series=("gen_share", "gen_share_shuffled")
    ),
    Figure(
        title="From which step on is there more of the general algorithm than in a network without a rule?",
        arms=("rule",),
        series=("gen_logit", "mem_logit"),
        null_band="no_rule",
        log=True,
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="When does the embedding choose its frequencies?",
        arms=ALL_ARMS,
        series=("embedding_power",),
        form="heat_map",
        ranked=True,
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(title="When do the tokens lie on circles?", arms=("rule",), series=("embedding_circles",), form="circles"),
    Figure(
        title="Does each neuron follow one frequency?",
        arms=("rule", "no_decay"),
        series=("neuron_share_by_component",),
        form="neurons",
    ),
    Figure(title="When do neurons settle on one frequency?", arms=ALL_ARMS, series=("neuron_share",), form="ridges"),
    Figure(title="Which pairs does the network get right, and when?", arms=ALL_ARMS, series=("answer_map",), form="answer_map"),
)

STUDY = Study(
    name="two_at_once",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(BASINS, THREAD),
    observation=Observation(measures=(*Observation().measures, *MEASURES, *PICTURED), checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, assign={**ON_MOUSE, "training.steps": 2500})},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
