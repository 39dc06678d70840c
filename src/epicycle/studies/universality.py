"""Groups that do not commute: does every network multiply matrices, are they the same matrices, and are neurons functions of cosets?

Chughtai et al. found that networks which learn a group's product use its irreducible representations (irreps). Which irreps a network
takes depends on its first weights. Stander et al. say of the same networks that each neuron recognises cosets of a subgroup. The two
accounts are contested, and both are measured here on the same flies.

The flies learn S4 (24 elements), D15 (the 30 symmetries of the 15-gon, with eight irreps besides the trivial one) and A5 (60
elements). They have no biases, as in both papers, so that an embedding can be negated. Settings were chosen on seeds from 1000 on
(LOG.md, 2026-11-27). The papers have S5, whose networks of this kind take 40,000 to 200,000 steps on 40 % of the pairs: a run for a
graphics card, not judged here. Noise on the hidden layer is not judged either. That transformers use fewer irreps is judged in
`clock_pizza`.

Of the programme's rows, R008 asks for irreps as a measure of how strong the circuit of a group is; whether S4 groks is judged in
`twelve`.
"""

from functools import partial
from math import log

from epicycle.circuits.ablated_loss import Excluded, Restricted
from epicycle.circuits.altered import Altered, PrunedAccuracy
from epicycle.circuits.coset_neurons import CosetDistance
from epicycle.circuits.key_irreps import KeyIrreps, KeyIrrepShare, LogitSimilarity
from epicycle.claims.differences import Difference
from epicycle.claims.pairs import EqualPairs
from epicycle.claims.quantities import EventRatio
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import CHUGHTAI, STANDER
from epicycle.measures.fit import Accuracy, Loss
from epicycle.models.mlp import MLP
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, postdictions
from epicycle.studies.organisms import FLIES, fly
from epicycle.tasks.groups import Composition

QUESTION = "Do all networks compute a group's products with the same representations, and do their neurons recognise cosets?"
NETWORK = MLP(d_model=64, d_mlp=128, embeddings="separate", biases=())


def _arm(group: str, frac_train: float, steps: int, seeds: int = FLIES) -> RootArm:
    """Flies on a group, to the end of a budget: claims are about that end, so no stop ends a run."""
    experiment = fly(Composition(group=group), frac_train, NETWORK)
    return RootArm(experiment=experiment.swept("training.stop", None).swept("training.steps", steps), seeds=seeds)


ARMS = {
    "s4": _arm("S4", 0.7, 2500),
    "dihedral": _arm("D15", 0.6, 2000),
    "a5": _arm("A5", 0.6, 2500, seeds=16),
}
ANIMALS = {"s4": "S4", "dihedral": "D15", "a5": "A5"}

GEN_ALONE = Restricted(fit="held_out", rows="test", components="all")
WITHOUT_GEN = Excluded(fit="held_out", rows="train", components="all")
DISTANCE, NULL = CosetDistance(reduce="median"), CosetDistance(reduce="median", null="same_irreps")
NEAR = CosetDistance(reduce="share", within="sum", below=1.0)
PRUNED = PrunedAccuracy.parse({"by": {"kind": "coset_distance", "within": "sum"}, "which": "above", "level": 1.0})
# By number: on S4 the sign, the standard irrep and its product with the sign. On A5 number 2 has four dimensions, and 3 has five.
FIRST, THIRD, FOURTH = (LogitSimilarity(component=number) for number in (0, 2, 3))
MEASURES = (
    *(Accuracy(rows=rows) for rows in ("train", "test", "mirror_unseen")),
    Loss(rows="test"),
    *(LogitSimilarity(), FIRST, THIRD, FOURTH, KeyIrreps(), KeyIrreps(by_component=True)),
    *(KeyIrrepShare(of=part) for part in ("embedding", "unembedding", "hidden_answer", "functions")),
    *(KeyIrrepShare(of=part, irreps="all") for part in ("hidden", "hidden_answer")),
    *(DISTANCE, NULL, NEAR, PRUNED),
    *(Altered(alteration=alteration) for alteration in ("swap", "flip_first", "flip_second", "flip_both", "absolute")),
    Altered(alteration="absolute", quantity="loss"),
    *(GEN_ALONE, WITHOUT_GEN),
)


def _at_end(series: str, arm: str, beside: str | None = None, log_of: bool = False) -> ValueAt:
    return ValueAt(series=series, beside=beside, at="end", arm=arm, log=log_of)


def _generalises(arm: str) -> Gate:
    return Gate(statistic=_at_end("test_acc", arm), region=Region(above=0.95))


Accounts = dict[str, Prediction]
exploratory = partial(Claim, primary=False, phenomenon="universality")
of_irreps = partial(exploratory, sources=(CHUGHTAI.key,))
of_cosets = partial(exploratory, sources=(STANDER.key,))
SECTION_5 = postdictions("Chughtai et al., section 5", representations="yes")
ON_THE_SPOT = postdictions("Stander et al., section 5", cosets="yes")


def _embedding(arm: str) -> Claim:
    return of_irreps(
        id=f"embedding-of-{arm}-is-in-key-irreps",
        says=f"On {ANIMALS[arm]} the key irreps explain more than 0.95 of the embedding in the end.",
        statistic=_at_end("embedding_in_key_irreps", arm),
        gates=(_generalises(arm),),
        supported_if=Region(above=0.95),
        refuted_if=Region(below=0.9),
        accounts=SECTION_5,
    )


def _multiplies(arm: str) -> Claim:
    return of_irreps(
        id=f"hidden-layer-of-{arm}-multiplies",
        says=f"On {ANIMALS[arm]} matrices of the product appear in the hidden layer: their share of its variance rises by over 0.03.",
        statistic=SeriesChange(series="hidden_answer_in_all_irreps", arm=arm),
        gates=(_generalises(arm),),
        supported_if=Region(above=0.03),
        refuted_if=Region(below=0.01),
        accounts=SECTION_5,
    )


def _nearer_than_the_null(arm: str, primary: bool = False) -> Claim:
    return Claim(
        id=f"neurons-of-{arm}-recognise-cosets",
        says=f"Neurons of networks on {ANIMALS[arm]} are nearer to functions of cosets than others of the same irreps: by over 0.05.",
        statistic=_at_end(DISTANCE.name, arm, beside=NULL.name),
        gates=(_generalises(arm),),
        supported_if=Region(below=-0.05),
        refuted_if=Region(above=-0.01),
        primary=primary,
        phenomenon="universality",
        accounts={
            **postdictions("Stander et al., section 4", cosets="yes"),
            **inferred("Chughtai et al., section 3: any basis of an irrep's matrices will do", representations="no"),
        },
        sources=(STANDER.key,),
    )


def _nearly_all(arm: str) -> Claim:
    return of_cosets(
        id=f"nearly-all-neurons-of-{arm}-are-near-cosets",
        says=f"On {ANIMALS[arm]} more than 0.95 of the neurons end near functions of cosets.",
        statistic=_at_end(NEAR.name, arm),
        gates=(_generalises(arm),),
        supported_if=Region(above=0.95),
        refuted_if=Region(below=0.9),
        accounts=postdictions("Stander et al., section 4: 99.2 % on S5", cosets="yes"),
    )


def _others_can_go(arm: str) -> Claim:
    return of_cosets(
        id=f"other-neurons-of-{arm}-can-go",
        says=f"On {ANIMALS[arm]} a network without the neurons that are far from cosets loses less than 1 point of held-out accuracy.",
        statistic=_at_end(PRUNED.name, arm, beside="test_acc"),
        gates=(_generalises(arm),),
        supported_if=Region(above=-0.01),
        refuted_if=Region(below=-0.05),
        accounts=ON_THE_SPOT,
    )


CLAIMS = (
    Claim(
        id="networks-choose-other-irreps",
        says="Networks on D15 choose different irreps: fewer than 20 % of pairs agree.",
        statistic=EqualPairs(series="key_irreps_by_component", arm="dihedral"),
        gates=(_generalises("dihedral"),),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.8),
        phenomenon="universality",
        accounts=postdictions("Chughtai et al., section 6: strong universality fails", representations="yes"),
        sources=(CHUGHTAI.key,),
    ),
    Claim(
        id="the-rule-of-irreps-suffices",
        says="On S4 the characters alone, fitted to held-out rows, have a loss below 0.1 in the end; the rest fails on trained rows.",
        statistic=_at_end(GEN_ALONE.name, "s4"),
        gates=(Gate(statistic=_at_end(WITHOUT_GEN.name, "s4"), region=Region(above=1.0)),),
        supported_if=Region(below=0.1),
        refuted_if=Region(above=1.0),
        phenomenon="universality",
        accounts=SECTION_5,
        sources=(CHUGHTAI.key,),
    ),
    _nearer_than_the_null("s4", primary=True),
    *(_nearer_than_the_null(arm) for arm in ("dihedral", "a5")),
    *(_embedding(arm) for arm in ("dihedral", "a5")),
    *(_multiplies(arm) for arm in ARMS),
    of_irreps(
        id="the-hidden-layer-is-irreps-before-training",
        says="Before training on S4, functions of x and of y and of their product explain more than 0.7 of the hidden layer.",
        statistic=ValueAt(series="hidden_in_all_irreps", at="start", arm="s4"),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.5),
    ),
    of_irreps(
        id="size-does-not-choose-the-irrep",
        says="On S4, of irreps of equal size networks prefer the standard one: the logits resemble it more by over 0.05.",
        statistic=_at_end(THIRD.name, "s4", beside=FOURTH.name),
        gates=(_generalises("s4"),),
        supported_if=Region(above=0.05),
        refuted_if=Region(below=0.0),
        accounts=postdictions("Chughtai et al., section 6: 49 against 17 of 50 seeds on S5", representations="yes"),
    ),
    of_irreps(
        id="the-largest-irrep-is-rare",
        says="On A5 the logits resemble the second largest irrep more than the largest, by over 0.1.",
        statistic=_at_end(THIRD.name, "a5", beside=FOURTH.name),
        gates=(_generalises("a5"),),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        accounts=postdictions("Chughtai et al., section 6: 4 against 2 of 4 seeds on A5", representations="yes"),
    ),
    of_irreps(
        id="the-sign-comes-first",
        says="On S4 the sign is learned before the standard irrep.",
        statistic=EventRatio(
            event="sign",
            detectors={"sign": Threshold(of=FIRST.name, level=0.1)},
            over="standard",
            over_detector=Threshold(of=THIRD.name, level=0.1),
            arm="s4",
        ),
        supported_if=Region(below=1.0),
        refuted_if=Region(above=1.0),
        accounts=postdictions("Chughtai et al., section 6: the sign is learned at once", representations="yes"),
    ),
    of_irreps(
        id="irreps-show-progress",
        says="On S4 the characters alone have a loss below 1 by the time when test accuracy passes one half.",
        statistic=ValueAt(series=GEN_ALONE.name, at="t_gen(level=0.5)", arm="s4"),
        supported_if=Region(below=1.0),
        refuted_if=Region(above=2.0),
        accounts=postdictions("Chughtai et al., section 5: hidden progress", representations="yes"),
    ),
    *(_nearly_all(arm) for arm in ARMS),
    *(_others_can_go(arm) for arm in ARMS),
    of_cosets(
        id="absolute-values-do",
        says="With absolute values in place of ReLU, networks on S4 are right on more than 0.99 of held-out rows.",
        statistic=_at_end("test_acc_after_absolute", "s4"),
        gates=(_generalises("s4"),),
        supported_if=Region(above=0.99),
        refuted_if=Region(below=0.95),
        accounts=ON_THE_SPOT,
    ),
    of_cosets(
        id="absolute-values-do-better",
        says="With absolute values in place of ReLU, the test loss of networks on S4 is more than ten times lower.",
        statistic=Difference(
            of=_at_end("test_loss_after_absolute", "s4", log_of=True), against=_at_end("test_loss", "s4", log_of=True), paired=True
        ),
        gates=(_generalises("s4"),),
        supported_if=Region(below=-log(10)),
        refuted_if=Region(above=0.0),
        accounts=ON_THE_SPOT,
    ),
    of_cosets(
        id="one-sign-matters",
        says="With the first embedding negated, networks on S4 are right on less than 0.02 of held-out rows.",
        statistic=_at_end("test_acc_after_flip_first", "s4"),
        gates=(_generalises("s4"),),
        supported_if=Region(below=0.02),
        refuted_if=Region(above=0.1),
        accounts=ON_THE_SPOT,
    ),
    of_cosets(
        id="both-signs-do-not",
        says="With both embeddings negated, networks on S4 lose less than 1 point of held-out accuracy.",
        statistic=_at_end("test_acc_after_flip_both", "s4", beside="test_acc"),
        gates=(_generalises("s4"),),
        supported_if=Region(above=-0.01),
        refuted_if=Region(below=-0.05),
        accounts=ON_THE_SPOT,
    ),
    of_cosets(
        id="sides-cannot-be-exchanged",
        says="With its embeddings exchanged, a network on D15 is right on less than 0.05 of held-out rows.",
        statistic=_at_end("test_acc_after_swap", "dihedral"),
        gates=(_generalises("dihedral"),),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.2),
        accounts=ON_THE_SPOT,
    ),
    of_cosets(
        id="cosets-come-with-accuracy",
        says="On S4 the distance from cosets falls below 0.15 when test accuracy passes one half: at 0.9 to 1.1 times that step.",
        statistic=EventRatio(
            event="cosets",
            detectors={"cosets": Threshold(of=DISTANCE.name, level=0.15, side="below")},
            over="half",
            over_detector=Threshold(of="test_acc", level=0.5),
            arm="s4",
        ),
        supported_if=Region(above=0.9, below=1.1),
        refuted_if=Region(above=1.2, below=0.8),
        accounts=postdictions("Stander et al., section 4: the example neuron of Figure 3", cosets="yes"),
    ),
)

FIGURES = (
    Figure(
        title="Do neurons become functions of cosets, more than others of the same irreps would?",
        arms=tuple(ARMS),
        series=(DISTANCE.name, NULL.name),
        events=("t_mem", "t_gen"),
        decides="neurons-of-s4-recognise-cosets",
    ),
    Figure(title="Which irreps do the logits of S4 resemble, and when?", arms=("s4",), series=(FIRST.name, THIRD.name, FOURTH.name)),
    Figure(
        title="How much of the embedding and unembedding do the key irreps explain, and how much would they of noise?",
        arms=tuple(ARMS),
        series=("embedding_in_key_irreps", "unembedding_in_key_irreps", "functions_in_key_irreps"),
    ),
    Figure(
        title="When does the hidden layer begin to multiply?",
        arms=tuple(ARMS),
        series=("hidden_in_all_irreps", "hidden_answer_in_all_irreps"),
    ),
    Figure(
        title="What do networks do that are altered on the spot?",
        arms=("s4",),
        series=("test_acc", "test_acc_after_absolute", "test_acc_after_flip_both", "test_acc_after_flip_first"),
    ),
)

STUDY = Study(
    name="universality",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(CHUGHTAI, STANDER),
    observation=Observation(measures=MEASURES, dense_until=20, per_decade=20, checkpoint_megabytes=5),
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
