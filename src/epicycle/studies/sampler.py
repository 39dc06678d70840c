"""Is initialisation a sampler? Random networks that fit a training set, beside the same networks trained by gradient descent.

Mingard et al. say that training ends at a function about as often as a random network that fits the training set computes it. If so,
the bias towards general functions lies in the draw of the weights, and gradient descent only finds what is drawn. Small networks can
be drawn by the million, so both sides are counted here: on Boolean functions of five bits, and on clocks with 5 to 9 hours, which
only importance splitting reaches. The controls are fair coins in place of networks, and targets without a rule.

Judged: R052 (do random networks that fit generalise?), R053 (do both find the same functions?), R054 (does the draw favour the rule of
a clock?), R055 (are outliers hard for both?), R056 (is gradient descent only faster?). R054 asks for clocks with 5 or 7 hours. In
pilot runs the same network, trained with decay, did not learn these either, so the main claim is about 9 hours; the fly learns 31.

Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27). Not judged: networks with several hidden layers, Gaussian processes in
place of draws, data sets of pictures.
"""

from functools import partial
from math import log

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventTime
from epicycle.claims.series_quantities import Extreme, ValueAt
from epicycle.literature.texts import MINGARD, THREAD
from epicycle.spec.arms import RootArm, TheoryArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.families import Theory
from epicycle.spec.plain_data import SweptValues
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.organisms import FLIES, FLY
from epicycle.theory.gradient_free import Evolution, GradientDescent, RandomSearch
from epicycle.theory.sampling.boolean_sampler import BooleanSampler
from epicycle.theory.sampling.cluster_sampler import ClusterSampler
from epicycle.theory.sampling.modular_sampler import ModularSampler

QUESTION = (
    "Do random networks that fit the training set generalise as trained networks do, and does the draw favour the rule of a clock?"
)
CLOCKS = 24  # seeds of the arms that need importance splitting
ONE_BIT = BooleanSampler(n_random=1 << 19, n_trained=2048, lr=0.1)
CLUSTERS = ClusterSampler(n_random=1 << 19, n_trained=2048, lr=0.1)
CLOCK = ModularSampler(p=9, frac_train=0.9, hidden=(24,), n_random=64, moves=20, n_trained=8, steps=4000)


def _boolean(**changes: object) -> Theory:
    return BooleanSampler.parse({**ONE_BIT.model_dump(mode="json"), **changes})


def _learner(learner: type[RandomSearch] | type[Evolution] | type[GradientDescent]) -> TheoryArm:
    return TheoryArm(theory=learner(evaluations=10_000), seeds=FLIES, sweep={"function": ("majority", "parity")})


ARMS: dict[str, RootArm | TheoryArm] = {
    # Functions of five bits: random networks that fit, and trained ones.
    "one_bit": TheoryArm(theory=ONE_BIT, seeds=FLIES, sweep={"n_train": (8, 12, 16)}),
    "majority": TheoryArm(theory=_boolean(target="majority", n_train=16), seeds=FLIES),
    "parity": TheoryArm(theory=_boolean(target="parity", n_train=12), seeds=FLIES),
    "adam": TheoryArm(theory=_boolean(optimiser="adam", lr=0.01), seeds=FLIES),
    # Nothing but one row is asked of these networks: which functions are drawn?
    "any_function": TheoryArm(theory=_boolean(n_train=1, n_trained=64), seeds=FLIES),
    "clusters": TheoryArm(theory=CLUSTERS, seeds=FLIES),
    # Controls: a target without a rule, and fair coins in place of random networks.
    "no_rule": TheoryArm(theory=_boolean(target="random"), seeds=FLIES),
    "coins": TheoryArm(theory=_boolean(prior="coins"), seeds=FLIES),
    "clusters_coins": TheoryArm(theory=CLUSTERS.model_copy(update={"prior": "coins"}), seeds=FLIES),
    # Clocks, a table without a rule, and the clock of the fly.
    "clock": TheoryArm(theory=CLOCK, seeds=CLOCKS, sweep={"p": (5, 7, 9)}),
    "random_table": TheoryArm(theory=CLOCK.model_copy(update={"p": 7, "operation": "random"}), seeds=CLOCKS),
    "fly": RootArm(experiment=FLY, seeds=FLIES),
    # Learners of a function of five bits, with a gradient and without.
    "descent": _learner(GradientDescent),
    "evolution": _learner(Evolution),
    "random_search": _learner(RandomSearch),
}


def _value(series: str, arm: str, beside: str | None = None, **where: float | str) -> ValueAt:
    swept: SweptValues = dict(where)
    return ValueAt(series=series, beside=beside, at="end", arm=arm, where=swept)


def _between(arm: str, **where: float | str) -> ValueAt:
    """Accuracy of random networks that fit, less that of trained ones."""
    return _value("sampled_test_acc", arm, "trained_test_acc", **where)


def _when(event: str, arm: str, function: str) -> EventTime:
    return EventTime(event=event, unit="log", arm=arm, where={"function": function})


def _sooner(event: str, against: str, function: str) -> Difference:
    """Logarithm of how much later gradient descent is."""
    return Difference(of=_when(event, "descent", function), against=_when(event, against, function))


FITS_ALIKE = Gate(statistic=_value("sampled_test_acc", "one_bit", n_train=16), region=Region(above=0.6))
AT_CHANCE = Gate(statistic=_value("sampled_test_acc", "clock", "chance", p=9), region=Region(below=0.05))
DESCENT_ARRIVES = Gate(
    statistic=Extreme(series="test_acc", which="last", arm="descent", where={"function": "parity"}), region=Region(above=0.9)
)
claim = partial(Claim, sources=(MINGARD.key, THREAD.key))
exploratory = partial(claim, primary=False)
CLAIMS = (
    claim(
        id="random-networks-generalise-as-trained-ones",
        says="Trained on 16 rows of a single bit, a network is as often right on the others as a random one: to within 0.05.",
        statistic=_between("one_bit", n_train=16),
        supported_if=Region(above=-0.05, below=0.05),
        refuted_if=Region(above=0.1, below=-0.1),
        gates=(FITS_ALIKE,),
        phenomenon="initial-draw",
        accounts=postdictions("R052: random networks that fit generalise too", initial_draw="yes"),
    ),
    claim(
        id="both-find-the-same-functions",
        says="Functions that many random networks compute are found by many trained ones: the rank correlation is above 0.7.",
        statistic=_value("function_rank", "one_bit", n_train=8),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.3),
        phenomenon="initial-draw",
        accounts=postdictions("R053: both probabilities correlate strongly", initial_draw="yes"),
    ),
    claim(
        id="the-draw-does-not-know-the-clock",
        says="On a clock with 9 hours trained networks are right on over 0.2 more of the held-out pairs than random ones that fit.",
        statistic=_value("trained_test_acc", "clock", "sampled_test_acc", p=9),
        supported_if=Region(above=0.2),
        refuted_if=Region(below=0.05),
        gates=(AT_CHANCE,),
        phenomenon="draw-and-rule",
        accounts={
            **inferred("R054: the draw favours the simple rule, so it generalises as training does", initial_draw="no"),
            **inferred("R054: gradient descent has a bias of its own towards general circuits", coverage="yes"),
        },
    ),
    exploratory(
        id="so-it-is-for-a-majority",
        says="So it is where the answer is the majority of some bits: to within 0.05.",
        statistic=_between("majority"),
        supported_if=Region(above=-0.05, below=0.05),
        refuted_if=Region(above=0.1, below=-0.1),
        phenomenon="initial-draw",
        accounts=postdictions("R052", initial_draw="yes"),
    ),
    exploratory(
        id="gradient-descent-adds-generality",
        says="With 12 rows of one bit, trained networks are right on over 0.02 more of the held-out rows than random ones that fit.",
        statistic=_value("trained_test_acc", "one_bit", "sampled_test_acc", n_train=12),
        supported_if=Region(above=0.02),
        refuted_if=Region(below=0.0),
        phenomenon="initial-draw",
        accounts={
            **inferred("R052: a generality bias of its own", coverage="yes"),
            **inferred("R052: gradient descent finds what is drawn", initial_draw="no"),
        },
    ),
    exploratory(
        id="coins-that-fit-know-nothing",
        says="Fair coins that fit the trained rows are at chance on the others: between 0.45 and 0.55.",
        statistic=_value("sampled_test_acc", "coins"),
        supported_if=Region(above=0.45, below=0.55),
        refuted_if=Region(above=0.6, below=0.4),
        phenomenon="initial-draw",
    ),
    exploratory(
        id="without-a-rule-both-are-at-chance",
        says="Where the target has no rule, random networks that fit are at chance: between 0.45 and 0.55.",
        statistic=_value("sampled_test_acc", "no_rule"),
        supported_if=Region(above=0.45, below=0.55),
        refuted_if=Region(above=0.6, below=0.4),
        phenomenon="initial-draw",
    ),
    exploratory(
        id="the-same-functions-without-a-rule",
        says="Where the target has no rule, both still find the same functions: the rank correlation is above 0.7.",
        statistic=_value("function_rank", "no_rule"),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.3),
        phenomenon="initial-draw",
        accounts={
            **inferred("R053: the bias lies in the draw, whatever the data", initial_draw="yes"),
            **predictions("R053: both just reflect patterns in the data", coverage="no"),
        },
    ),
    exploratory(
        id="coins-find-other-functions",
        says="Fair coins find other functions than gradient descent: the rank correlation lies between -0.3 and 0.3.",
        statistic=_value("function_rank", "coins"),
        supported_if=Region(above=-0.3, below=0.3),
        refuted_if=Region(above=0.7),
        phenomenon="initial-draw",
    ),
    exploratory(
        id="adam-finds-them-too",
        says="Adam finds the functions that random networks compute: the rank correlation is above 0.7.",
        statistic=_value("function_rank", "adam"),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.3),
        phenomenon="initial-draw",
        accounts=postdictions("R053: second-order differences only", initial_draw="yes"),
    ),
    exploratory(
        id="simple-functions-are-drawn-more-often",
        says="Random networks compute simple functions more often: the rank correlation with Lempel-Ziv complexity is below -0.5.",
        statistic=_value("complexity_rank", "any_function"),
        supported_if=Region(below=-0.5),
        refuted_if=Region(above=-0.4),
        phenomenon="initial-draw",
        accounts=postdictions("abstract: a strong bias to functions of low complexity", initial_draw="yes"),
    ),
    exploratory(
        id="the-same-rows-are-hard",
        says="The rows that are hard for random networks are hard for gradient descent: the rank correlation is above 0.5.",
        statistic=_value("difficulty_rank", "clusters"),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.2),
        phenomenon="draw-and-outliers",
        accounts=predictions("R055", initial_draw="yes", coverage="yes"),
    ),
    exploratory(
        id="outliers-are-hard-for-random-networks",
        says="For random networks an outlier is harder than a row of a cluster in more than 0.7 of all comparisons.",
        statistic=_value("sampler_outliers_harder", "clusters"),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.55),
        phenomenon="draw-and-outliers",
        accounts=predictions("R055", initial_draw="yes", coverage="yes"),
    ),
    exploratory(
        id="outliers-come-late-in-training",
        says="In training an outlier comes later than a row of a cluster in more than 0.7 of all comparisons.",
        statistic=_value("trained_outliers_harder", "clusters"),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.55),
        phenomenon="draw-and-outliers",
        accounts=predictions("R055", initial_draw="yes", coverage="yes"),
    ),
    exploratory(
        id="no-row-is-hard-for-coins",
        says="The rows that are hard for gradient descent are no harder for fair coins: the rank correlation is between -0.2 and 0.2.",
        statistic=_value("difficulty_rank", "clusters_coins"),
        supported_if=Region(above=-0.2, below=0.2),
        refuted_if=Region(above=0.5),
        phenomenon="draw-and-outliers",
    ),
    exploratory(
        id="random-networks-are-below-chance-on-a-clock",
        says="On a clock with 7 hours random networks that fit are below chance on held-out pairs: by more than 0.05.",
        statistic=_value("sampled_test_acc", "clock", "chance", p=7),
        supported_if=Region(below=-0.05),
        refuted_if=Region(above=0.0),
        phenomenon="draw-and-rule",
        accounts=inferred("R054: the draw favours the rule", initial_draw="no"),
    ),
    exploratory(
        id="training-learns-a-clock-with-7-hours",
        says="On a clock with 7 hours trained networks are above chance on held-out pairs: by more than 0.2.",
        statistic=_value("trained_test_acc", "clock", "chance", p=7),
        supported_if=Region(above=0.2),
        refuted_if=Region(below=0.1),
        phenomenon="draw-and-rule",
        accounts=inferred("R054: descent with decay generalises where the sampler memorises", coverage="yes"),
    ),
    exploratory(
        id="the-fly-learns-its-clock",
        says="The fly, trained with decay on its larger clock, is right on more than 0.9 of the held-out pairs.",
        statistic=Extreme(series="test_acc", which="max", arm="fly"),
        supported_if=Region(above=0.9),
        refuted_if=Region(below=0.5),
        phenomenon="draw-and-rule",
    ),
    exploratory(
        id="a-clock-is-drawn-less-often-than-a-random-table",
        says="Random networks fit a clock with 7 hours less often than a random table: by more than 1 decade.",
        statistic=Difference(
            of=_value("log10_probability", "clock", p=7), against=_value("log10_probability", "random_table"), paired=True
        ),
        supported_if=Region(below=-1.0),
        refuted_if=Region(above=0.0),
        phenomenon="draw-and-rule",
        accounts=inferred("R054: the draw favours the rule over tables without one", initial_draw="no"),
    ),
    exploratory(
        id="a-parity-takes-many-more-draws",
        says="For a parity a sampler draws more networks than gradient descent evaluates: by more than 1 decade.",
        statistic=_value("log10_saving", "parity"),
        supported_if=Region(above=1.0),
        refuted_if=Region(below=0.5),
        phenomenon="speed-of-descent",
        accounts=predictions("R056: gradient descent is the faster sampler", coverage="yes", initial_draw="yes"),
    ),
    exploratory(
        id="a-clock-takes-many-more-draws",
        says="For a clock with 5 hours a sampler would draw more networks than gradient descent evaluates: by over 6 decades.",
        statistic=_value("log10_saving", "clock", p=5),
        supported_if=Region(above=6.0),
        refuted_if=Region(below=3.0),
        phenomenon="speed-of-descent",
        accounts=predictions("R056: gradient descent is the faster sampler", coverage="yes", initial_draw="yes"),
    ),
    exploratory(
        id="descent-is-10-times-faster-than-random-search",
        says="Gradient descent generalises on a parity more than 10 times sooner than the best of random networks.",
        statistic=_sooner("t_gen", "random_search", "parity"),
        supported_if=Region(below=-log(10)),
        refuted_if=Region(above=-log(3)),
        gates=(DESCENT_ARRIVES,),
        phenomenon="speed-of-descent",
        accounts=predictions("R056", coverage="yes", initial_draw="yes"),
    ),
    exploratory(
        id="descent-is-10-times-faster-than-evolution",
        says="Gradient descent fits the rows of a parity more than 10 times sooner than evolution, which sees no gradient.",
        statistic=_sooner("t_mem", "evolution", "parity"),
        supported_if=Region(below=-log(10)),
        refuted_if=Region(above=-log(3)),
        gates=(DESCENT_ARRIVES,),
        phenomenon="speed-of-descent",
        accounts=predictions("R056", coverage="yes"),
    ),
    exploratory(
        id="evolution-ends-as-accurate",
        says="Evolution ends as accurate on held-out rows of a parity as gradient descent: to within 0.05.",
        statistic=Difference(
            of=Extreme(series="test_acc", which="last", arm="evolution", where={"function": "parity"}),
            against=Extreme(series="test_acc", which="last", arm="descent", where={"function": "parity"}),
        ),
        supported_if=Region(above=-0.05, below=0.05),
        refuted_if=Region(below=-0.1),
        gates=(DESCENT_ARRIVES,),
        phenomenon="speed-of-descent",
        accounts={
            **predictions("R056: only the speed differs", coverage="yes"),
            **inferred("R056: gradient descent finds what is drawn", initial_draw="yes"),
        },
    ),
)


def _shown(arm: str, *series: str) -> tuple[ValueAt, ...]:
    return tuple(ValueAt(series=name, at="end", arm=arm) for name in series)


FIGURES = (
    Figure(
        title="How often are random networks that fit right on other rows of one bit, and how often trained ones?",
        arms=("one_bit",),
        quantities=_shown("one_bit", "sampled_test_acc", "trained_test_acc", "guess_test_acc"),
        along="n_train",
        decides="random-networks-generalise-as-trained-ones",
    ),
    Figure(
        title="How often are they right on other functions, and where there is nothing to know?",
        arms=("majority", "parity", "adam", "no_rule", "coins"),
        quantities=_shown("majority", "sampled_test_acc", "trained_test_acc"),
    ),
    Figure(
        title="Do random networks and trained ones find the same functions?",
        arms=("one_bit", "adam", "no_rule", "coins"),
        quantities=_shown("one_bit", "function_rank"),
    ),
    Figure(
        title="On a clock, how often are random networks that fit right on held-out pairs, and how often trained ones?",
        arms=("clock",),
        quantities=_shown("clock", "sampled_test_acc", "trained_test_acc", "chance"),
        along="p",
    ),
    Figure(
        title="How many evaluations do learners with a gradient and without need for a function of five bits?",
        arms=("descent", "evolution", "random_search"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
)

STUDY = Study(
    name="sampler",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(MINGARD, THREAD),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
