"""The twelve operations of Power et al. side by side: nine on 31 residues, and three in a group.

The paper says that some operations are learned from less data than others, and some from none up to 95 %. Doshi et al. say which: a
network generalises if the operation is one sum, h(f(x) + g(y)), and not otherwise. A product is one sum of logarithms. So is
(x + y)^2, but x^2 + xy + y^2, which has one xy less, is none. Every operation is trained on 95 % of its pairs, so that little data is
no excuse. How long a network takes is asked at half of the pairs, the share of which the debate speaks.

Rows: R008 (the debate's group is S5; S4 and A5 stand for it) and R009 (quotients). That quotients show no early rise (R009) is judged
in study `mirror`, and whether any delay is left at 95 % (R134) in `no_delay`. R048, a law of complexity, is judged in
`ladders`. Shares and budgets were chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from functools import partial

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme
from epicycle.claims.shares import Share
from epicycle.literature.texts import DOSHI_POLYNOMIALS, POWER, THREAD
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.families import Task
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Source, Study
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.organisms import FLIES, GROUP, MICE, NETWORK, ON_MOUSE, P, fly
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular, Operation

QUESTION = "Which of the twelve operations of Power et al. does a small network generalise, and how long after it memorises?"
HALF, MUCH = 0.5, 0.95
# On nearly all pairs every pilot fly that generalised did so by step 1,700. On half of the pairs groups take longest.
STEPS_OF_MUCH, STEPS_OF_HALF, STEPS_OF_GROUP = 2500, 4000, 10_000
# (x + y)^2
SQUARE = Modular(p=P, operation="polynomial", terms=((1, 2, 0), (2, 1, 1), (1, 0, 2)))


def _tasks(operations: dict[str, Operation]) -> dict[str, Task]:
    return {name: Modular(p=P, operation=operation) for name, operation in operations.items()}


ONE_SUM = _tasks({"sum": "x+y", "difference": "x-y", "quotient": "x/y", "squares": "x^2+y^2"})
NO_SUM = _tasks(
    {
        "mixed": "x/y if y odd else x-y",
        "quadratic": "x^2+xy+y^2",
        "quadratic_x": "x^2+xy+y^2+x",
        "cubic": "x^3+xy",
        "cubic_y": "x^3+xy^2+y",
    }
)
IN_GROUP: dict[str, Task] = {
    "group": Composition(group="S4"),
    "conjugate": Composition(group="S4", variant="xyx^-1"),
    "palindrome": Composition(group="S4", variant="xyx"),
}
ON_MUCH = {**ONE_SUM, **NO_SUM, **IN_GROUP, "square_of_sum": SQUARE}
# Products modulo p, zeros included, are sums modulo p - 1 but for the zeros.
ON_HALF: dict[str, Task] = {
    **_tasks({"sum": "x+y", "difference": "x-y", "product": "x*y", "quotient": "x/y"}),
    "sum_below": Modular(p=P - 1, operation="x+y"),
    "s4": Composition(group="S4"),
    "a5": Composition(group="A5"),
}


def _arm(task: Task, frac_train: float, steps: int) -> RootArm:
    network = GROUP.model if isinstance(task, Composition) else NETWORK
    return RootArm(
        experiment=fly(task, frac_train).swept("model", network.model_dump(mode="json")).swept("training.steps", steps), seeds=FLIES
    )


ARMS = {
    # The twelve operations and (x + y)^2, on nearly all pairs.
    **{name: _arm(task, MUCH, STEPS_OF_MUCH) for name, task in ON_MUCH.items()},
    # The operations whose times are compared, on half of the pairs.
    **{
        f"half_{name}": _arm(task, HALF, STEPS_OF_GROUP if isinstance(task, Composition) else STEPS_OF_HALF)
        for name, task in ON_HALF.items()
    },
}

MOST, HARDLY_ANY = Region(above=0.5), Region(below=0.2)
exploratory = partial(Claim, primary=False)


def _learned(arm: str, words: str, accounts: dict[str, Prediction] | None = None, source: Source = POWER) -> Claim:
    return exploratory(
        id=f"{arm.replace('_', '-')}-is-learned",
        says=f"Most networks learn {words}.",
        statistic=Share(event="t_gen", arm=arm),
        supported_if=MOST,
        refuted_if=HARDLY_ANY,
        phenomenon="operations",
        accounts=accounts or {},
        sources=(source.key,),
    )


def _not_learned(arm: str, words: str, **accounts: Prediction) -> Claim:
    return exploratory(
        id=f"{arm.replace('_', '-')}-is-not-learned",
        says=f"Hardly any network learns {words}, even from nearly all pairs.",
        statistic=Share(event="t_gen", arm=arm),
        supported_if=HARDLY_ANY,
        refuted_if=MOST,
        phenomenon="operations",
        accounts=accounts,
        sources=(POWER.key, DOSHI_POLYNOMIALS.key),
    )


def _late(arm: str, words: str, primary: bool = False) -> Claim:
    return Claim(
        id=f"{arm.replace('_', '-')}-comes-late",
        says=f"On half of the pairs, {words} generalise more than ten times later than they are memorised.",
        statistic=EventRatio(event="t_gen", over="t_mem", arm=arm),
        supported_if=Region(above=10),
        refuted_if=Region(below=5),
        primary=primary,
        phenomenon="delay",
        sources=(POWER.key, THREAD.key),
    )


def _log_t_gen(arm: str) -> EventTime:
    return EventTime(event="t_gen", unit="log", arm=arm)


def _as_long(claim_id: str, says: str, one: str, other: str) -> Claim:
    """Times that differ by less than a factor of 1.5."""
    return exploratory(
        id=claim_id,
        says=says,
        statistic=Difference(of=_log_t_gen(one), against=_log_t_gen(other)),
        supported_if=Region(above=-0.4, below=0.4),
        refuted_if=Region(above=0.4, below=-0.4),
        phenomenon="operations",
        sources=(POWER.key,),
    )


def _sooner(one: str, other: str) -> Claim:
    return exploratory(
        id=f"{one}s-before-{other}s",
        says=f"On half of the pairs, {one}s are learned sooner than {other}s.",
        statistic=Difference(of=_log_t_gen(f"half_{one}"), against=_log_t_gen(f"half_{other}")),
        supported_if=Region(below=-0.1),
        refuted_if=Region(above=0.0),
        phenomenon="operations",
        accounts=predictions(
            "section 3.2: symmetric operations tend to need less data; partly due to the transformer", symmetry="yes"
        ),
        sources=(POWER.key,),
    )


HYPOTHESIS = "hypothesis 5.1"
IS_SUM = postdictions(HYPOTHESIS, one_sum="yes")
IS_NONE = postdictions("appendix C", one_sum="yes")
CLAIMS = (
    Claim(
        id="one-xy-less-is-not-learned",
        says="Networks learn (x + y)^2, but hardly any learns x^2 + xy + y^2, even from nearly all pairs.",
        statistic=Share(event="t_gen", arm="quadratic"),
        supported_if=HARDLY_ANY,
        refuted_if=MOST,
        gates=(Gate(statistic=Share(event="t_gen", arm="square_of_sum"), region=MOST),),
        phenomenon="operations",
        accounts={
            **inferred("hypothesis 5.1 and appendix C: one sum, and the same with a small change", one_sum="yes"),
            **inferred("section 3.2: x^2 + xy + y^2 needs less data than its mate with + x", symmetry="no"),
        },
        sources=(DOSHI_POLYNOMIALS.key, POWER.key),
    ),
    Claim(
        id="the-ninth-stays-at-chance",
        says="On x^3 + xy^2 + y a network never gets above chance, even if it is trained on nearly all pairs.",
        statistic=Extreme(series="test_acc", which="max", above_baseline=True, arm="cubic_y"),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.2),
        phenomenon="operations",
        accounts=postdictions("section 5: general operations are not learned", one_sum="yes"),
        sources=(POWER.key,),
    ),
    _late("half_quotient", "quotients", primary=True),  # R009
    _late("half_s4", "products in S4"),  # R008
    _late("half_a5", "products in A5"),
    _learned("half_quotient", "quotients from half of the pairs", source=THREAD),
    _learned("half_s4", "the group S4 from half of the pairs", source=THREAD),
    _learned("half_a5", "the group A5 from half of the pairs", source=THREAD),
    _learned("sum", "x + y", IS_SUM),
    _learned("difference", "x - y", IS_SUM),
    _learned("quotient", "x / y", IS_SUM),
    _learned("squares", "x^2 + y^2", IS_SUM),
    _learned("square_of_sum", "(x + y)^2", predictions(HYPOTHESIS, one_sum="yes"), DOSHI_POLYNOMIALS),
    _learned("group", "the product xy in the group S4"),
    _learned("conjugate", "conjugation in the group S4"),
    _learned("palindrome", "the product xyx in the group S4"),
    _not_learned(
        "mixed",
        "the operation that is x / y or x - y, by whether y is odd",
        **postdictions("section 3.2: such a mix can be learned as well", symmetry="no"),
        **inferred("hypothesis 5.1: not one sum", one_sum="yes"),
    ),
    _not_learned("quadratic_x", "x^2 + xy + y^2 + x", **IS_NONE),
    _not_learned("cubic", "x^3 + xy", **IS_NONE),
    exploratory(
        id="a-mix-is-learned-in-part",
        says="Of the mix of quotients and differences, a network gets some held-out pairs right: over 20 points more than chance.",
        statistic=Extreme(series="test_acc", which="max", above_baseline=True, arm="mixed"),
        supported_if=Region(above=0.2),
        refuted_if=Region(below=0.05),
        phenomenon="operations",
        accounts=postdictions("section 3.2: such a mix can be learned as well", symmetry="yes"),
        sources=(POWER.key,),
    ),
    _as_long(
        "differences-and-quotients-agree",
        "On half of the pairs, quotients take about as long as differences.",
        "half_quotient",
        "half_difference",
    ),
    _as_long(
        "products-take-as-long-as-the-sums-below",
        "Products take about as long as the sums to which they are isomorphic but for zeros.",
        "half_product",
        "half_sum_below",
    ),
    _sooner("sum", "difference"),
    _sooner("product", "quotient"),
)


def _times(title: str, arms: tuple[str, ...], decides: str = "") -> Figure:
    times = tuple(EventTime(event=event, arm=arms[0]) for event in ("t_mem", "t_gen"))
    return Figure(title=title, arms=arms, quantities=times, decides=decides)


FIGURES = (
    _times("Which operations are learned from nearly all of their pairs, and when?", tuple(ON_MUCH), "one-xy-less-is-not-learned"),
    Figure(
        title="What is the largest accuracy on held-out pairs, above chance?",
        arms=tuple(ON_MUCH),
        quantities=(Extreme(series="test_acc", which="max", above_baseline=True, arm="sum"),),
    ),
    _times("How long do networks take on half of the pairs?", tuple(f"half_{name}" for name in ON_HALF)),
    Figure(
        title="What do the curves look like for two operations that differ by one xy, for a mix of two, and in a group?",
        arms=("square_of_sum", "quadratic", "mixed", "conjugate"),
        series=("train_acc", "test_acc"),
    ),
)
SOURCES = (POWER, DOSHI_POLYNOMIALS, THREAD)

# Of the mouse it is asked what it learns from nearly all pairs, of three operations. With 24 mice "hardly any" could not be supported.
ARMS_OF_MICE = ("square_of_sum", "quadratic", "cubic_y")
ON_A_MOUSE = ON_MOUSE | {
    "training.steps": 1200,
    "split.frac_train": MUCH,
    "arms.quadratic.seeds": 40,
    "arms.square_of_sum.seeds": MICE,
    "arms.cubic_y.seeds": MICE,
}

STUDY = Study(
    name="twelve",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=5),
    organism="fly",
    organisms={"mouse": Profile(arms=ARMS_OF_MICE, assign=ON_A_MOUSE)},
    profiles={"quick": Profile(seeds=8, pilot=True, assign={"training.steps": 200})},
)
