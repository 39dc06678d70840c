"""Memories: is memorising easy for a network, and is a network whose rows share few units just a poor learner?

A memory of pairs looks a row up by its operands and writes an answer: a key and a value for each row. Networks of kind `key_value`
have such slots and nothing else. With hand-built weights a slot stores a row. With random weights the same networks are trained on
random labels. How many slots and steps do they need for more and more rows?

In a fly with a reach, a hash of a row's operands decides which of the hidden units the row reaches. The smaller the reach, the fewer
units do two rows share, and the less can what one row teaches a unit be of use to another row. Where the first operand alone decides,
rows share as few units, but rows with the same first operand share all.

Rows judged: R038 (memorising is easy: slots in proportion to the rows, in constant steps, for layers, attention and convolutions; does
it cost more steps than generalising?) and R063 (is a network that combines badly a poor learner in all, or only late to generalise?).
R063 names three architectures, of which gating by a hash is asked here. R126 is judged in `gen_in_forks`, and R008 in `twelve`.

Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log
from typing import Any

from epicycle.circuits.coverage import ActiveOverlap
from epicycle.claims.cell_correlation import CellCorrelation
from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import ValueAt
from epicycle.claims.shares import Share
from epicycle.claims.slopes import Slope
from epicycle.claims.transitions import Transition
from epicycle.literature.texts import THREAD
from epicycle.measures.where_it_fits import WhereItFits
from epicycle.models.key_value import KeyValue
from epicycle.models.mlp import MLP
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import CountedSplit, SequentialSplit, Split
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY, P
from epicycle.tasks.derived import RandomLabels
from epicycle.tasks.random_tables import RandomTable
from epicycle.training.optimisers import AdamW

QUESTION = "Is memorising easy for a network, and is a network whose rows share few units just a poor learner?"

FEW, MANY = 100, 800  # pairs
# Numbers of slots for few pairs and for many, from too few to more than enough.
WIDTHS = {
    "mlp": ((3, 4, 5, 8), (16, 20, 24, 64)),
    "convolution": ((2, 3, 4, 5), (16, 20, 24, 32)),
    "attention": ((4, 5, 6, 8), (32, 40, 48, 64)),
}
KINDS = {"mlp": "a feed-forward layer", "convolution": "a convolution", "attention": "attention over slots"}
REACHES, SMALL_REACH = (1.0, 0.98, 0.96, 0.94, 0.92), 0.65
SHARES = (0.6, 0.95)  # of the pairs


def _memories(kind: str, pairs: int) -> RootArm:
    """Trained memories of random answers, without decay."""
    widths = WIDTHS[kind][pairs == MANY]
    experiment = Experiment(
        task=RandomTable(n=P),
        split=CountedSplit(n_train=pairs),
        model=KeyValue.parse({"memory": kind, "d_mlp": widths[0]}),
        training=Training(optimiser=AdamW(lr=2e-2, weight_decay=0.0), steps=1000 if kind == "attention" else 500),
    )
    return RootArm(experiment=experiment, seeds=FLIES if kind == "mlp" else FLIES // 2, sweep={"model.d_mlp": widths})


# A slot for each of the 101 first rows of a table, written by hand, and one step, as claims are about the start.
HAND_BUILT = Experiment(
    task=RandomTable(n=13),
    split=SequentialSplit(frac_train=0.6),
    model=KeyValue(weights="hand_built", d_mlp=101),
    training=Training(optimiser=AdamW(lr=1e-3, weight_decay=0.0), steps=1),
)
REACHING = FLY.swept("split", Split(frac_train=0.75).model_dump(mode="json"))
NARROW = REACHING.swept("model", MLP(d_model=64, d_mlp=round(128 * SMALL_REACH)).model_dump(mode="json"))
RANDOM = FLY.swept("task", RandomLabels(of=FLY.task).model_dump(mode="json")).swept("training.stop", None)
ARMS = {
    **{f"{kind}_{pairs}": _memories(kind, pairs) for kind in KINDS for pairs in (FEW, MANY)},
    "hand_built": RootArm(experiment=HAND_BUILT, seeds=FLIES // 2, sweep={"model.memory": tuple(KINDS)}),
    # The fly on its rule, and on random labels with the same inputs.
    "rule": RootArm(experiment=FLY, seeds=FLIES, sweep={"split.frac_train": SHARES}),
    "random_labels": RootArm(experiment=RANDOM.swept("training.steps", 300), seeds=FLIES, sweep={"split.frac_train": SHARES}),
    # Flies in which a row reaches only some of the units, flies in which the first operand alone decides which, and flies with as few
    # units for all rows.
    "reach": RootArm(experiment=REACHING, seeds=FLIES, sweep={"model.reach": REACHES}),
    "small_reach": RootArm(experiment=REACHING.swept("training.steps", 1500), seeds=FLIES // 2, sweep={"model.reach": (SMALL_REACH,)}),
    "reach_by_first": RootArm(
        experiment=REACHING.swept("model.reach_by", "first"), seeds=FLIES, sweep={"model.reach": (REACHES[-1], SMALL_REACH)}
    ),
    "narrow": RootArm(experiment=NARROW, seeds=FLIES),
}


def _right(arm: str) -> ValueAt:
    return ValueAt(series="train_acc", at="end", arm=arm)


def _slots(kind: str, what: str = "midpoint") -> Transition:
    """The number of slots from which nearly all of many pairs are remembered, or how many times that for few pairs."""
    over = {"over": _right(f"{kind}_{FEW}")} if what == "log_ratio" else {}
    return Transition.parse({"of": _right(f"{kind}_{MANY}"), "along": "d_mlp", "level": 0.95, "what": what, **over})


def _time(arm: str, event: str, **where: Any) -> EventTime:
    return EventTime(event=event, unit="log", arm=arm, where=where)


def _paired(of: Any, against: Any) -> Difference:
    return Difference(of=of, against=against, paired=True)


def _foretells(event: str) -> CellCorrelation:
    """Correlation over reaches of the overlap before the first step with the logarithm of the time of an event."""
    overlap = ValueAt(series=ActiveOverlap().name, at="start", arm="reach")
    return CellCorrelation(of=overlap, beside=_time("reach", event))


_claim = partial(Claim, primary=False, phenomenon="memories", sources=(THREAD.key,))
EASY = predictions("R038: memorising is easy for a net", coverage="yes")
WONKY = inferred("R038: memorising functions are complicated and wonky", single_hit="no")
POOR = predictions("R063: probably just poor learners", coverage="yes")
CLAIMS = (
    # R038.
    *(
        _claim(
            id=f"slots-at-most-in-proportion-{kind}",
            says=f"The slots that {words} needs grow at most in proportion: for 800 pairs less than 8 times as many as for 100 pairs.",
            statistic=_slots(kind, "log_ratio"),
            supported_if=Region(below=log(8)),
            refuted_if=Region(above=log(10)),
            primary=kind == "mlp",
            accounts={**EASY, **WONKY},
        )
        for kind, words in KINDS.items()
    ),
    _claim(
        id="constant-steps",
        says="800 pairs in 64 slots are memorised at most 1.2 times later than 100 pairs in 8 slots.",
        statistic=_paired(_time("mlp_800", "t_mem", d_mlp=64), _time("mlp_100", "t_mem", d_mlp=8)),
        supported_if=Region(below=log(1.2)),
        refuted_if=Region(above=log(1.5)),
        accounts={**EASY, **WONKY},
    ),
    _claim(
        id="a-trained-slot-holds-many-pairs",
        says="A trained layer remembers 800 pairs with fewer than 80 slots, where a hand-built one needs a slot for each.",
        statistic=_slots("mlp"),
        supported_if=Region(below=80),
        refuted_if=Region(above=200),
        accounts=EASY,
    ),
    *(
        _claim(
            id=f"hand-built-{kind}",
            says=f"Written by hand, {words} with a slot for each pair is right on more than 0.99 of them before the first step.",
            statistic=ValueAt(series="train_acc", at="start", arm="hand_built", where={"memory": kind}),
            supported_if=Region(above=0.99),
            refuted_if=Region(below=0.95),
            accounts=EASY,
        )
        for kind, words in KINDS.items()
    ),
    *(
        _claim(
            id=f"random-labels-are-memorised-sooner-than-the-rule-is-found-{share:.0%}".replace("%", ""),
            says=f"With {share} of the pairs, random labels are memorised more than 2 times sooner than the rule is generalised.",
            statistic=_paired(_time("random_labels", "t_mem", frac_train=share), _time("rule", "t_gen", frac_train=share)),
            supported_if=Region(below=-log(2)),
            refuted_if=Region(above=0.0),
            accounts={**EASY, **WONKY},
        )
        for share in SHARES
    ),
    # R063.
    *(
        _claim(
            id=f"overlap-foretells-{name}",
            says=f"The less rows share units, the later a network {does}: the correlation over reaches is below -0.8.",
            statistic=_foretells(event),
            supported_if=Region(below=-0.8),
            refuted_if=Region(above=-0.3),
            primary=True,
            phenomenon="poor-learners",
            accounts=accounts,
        )
        for name, does, event, accounts in (
            ("memorising", "memorises", "t_mem", POOR),
            ("generalising", "generalises", "t_gen", {**POOR, **inferred("R062: should resist grokking", barrier="yes")}),
        )
    ),
    _claim(
        id="little-sharing-delays-memory",
        says="Flies whose rows reach 0.65 of the units memorise more than 1.1 times later than flies whose rows reach all.",
        statistic=_paired(_time("small_reach", "t_mem", reach=SMALL_REACH), _time("reach", "t_mem", reach=1.0)),
        supported_if=Region(above=log(1.1)),
        refuted_if=Region(below=log(1.05)),
        phenomenon="poor-learners",
        accounts=POOR,
    ),
    _claim(
        id="little-sharing-delays-the-rule",
        says="Flies whose rows reach 0.92 of the units generalise more than 1.5 times later than flies whose rows reach all.",
        statistic=_paired(_time("reach", "t_gen", reach=0.92), _time("reach", "t_gen", reach=1.0)),
        supported_if=Region(above=log(1.5)),
        refuted_if=Region(below=log(1.1)),
        phenomenon="poor-learners",
        accounts=inferred("R062: should resist grokking", barrier="yes"),
    ),
    _claim(
        id="little-sharing-lengthens-the-delay",
        says="With each 0.01 less of reach the delay t_gen / t_mem grows by more than 1.",
        statistic=Slope(of=EventRatio(event="t_gen", over="t_mem", arm="reach"), along="reach", per=0.01),
        supported_if=Region(below=-100.0),
        refuted_if=Region(above=0.0),
        phenomenon="poor-learners",
        accounts={**inferred("R062: should resist grokking", barrier="yes"), **inferred("R063: poor in all", coverage="no")},
    ),
    _claim(
        id="without-sharing-there-is-no-rule",
        says="Fewer than 0.2 of the flies whose rows reach 0.65 of the units generalise within their budget.",
        statistic=Share(event="t_gen", arm="small_reach", where={"reach": SMALL_REACH}),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.5),
        phenomenon="poor-learners",
        accounts=inferred("R062: should resist grokking", barrier="yes"),
    ),
    _claim(
        id="where-the-first-operand-decides-the-rule-comes-sooner",
        says="Where the first operand alone decides which 0.92 of the units a row reaches, the rule is over 1.5 times sooner.",
        statistic=_paired(_time("reach_by_first", "t_gen", reach=0.92), _time("reach", "t_gen", reach=0.92)),
        supported_if=Region(below=-log(1.5)),
        refuted_if=Region(above=-log(1.1)),
        phenomenon="poor-learners",
        accounts=inferred("R062: what cannot be combined resists grokking", barrier="yes"),
    ),
    _claim(
        id="where-the-first-operand-decides-there-is-a-rule",
        says="More than 0.5 of the flies whose rows reach 0.65 of the units by their first operand generalise within their budget.",
        statistic=Share(event="t_gen", arm="reach_by_first", where={"reach": SMALL_REACH}),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.2),
        phenomenon="poor-learners",
        accounts=inferred("R062: what cannot be combined resists grokking", barrier="yes"),
    ),
    _claim(
        id="few-shared-units-delay-more-than-few-units",
        says="Flies whose rows reach 0.65 of the units generalise more than 1.25 times later than flies of as few units in all.",
        statistic=_paired(_time("small_reach", "t_gen", reach=SMALL_REACH), _time("narrow", "t_gen")),
        supported_if=Region(above=log(1.25)),
        refuted_if=Region(below=0.0),
        phenomenon="poor-learners",
        accounts=inferred("R062: what cannot be combined resists grokking", barrier="yes"),
    ),
)

FIGURES = (
    Figure(
        title="How many slots do 100 and 800 random answers need?",
        arms=("mlp_100", "mlp_800"),
        quantities=(_right("mlp_100"),),
        along="d_mlp",
    ),
    Figure(
        title="When do flies memorise and generalise if a row reaches only some of the units?",
        arms=("reach",),
        quantities=tuple(EventTime(event=event, arm="reach") for event in ("t_mem", "t_gen")),
        along="reach",
        decides="overlap-foretells-generalising",
    ),
    Figure(
        title="Which comes sooner, random labels by heart or the rule?",
        arms=("random_labels", "rule"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
)
SOURCES = (THREAD,)

STUDY = Study(
    name="memories",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(
        measures=(*Observation().measures, WhereItFits(of=ActiveOverlap())), per_decade=40, checkpoint_megabytes=5
    ),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
