"""Forces: what pushes the general algorithm and what pushes memory, the loss or weight decay?

An update is split into what the gradient of the training loss does through the optimiser and what weight decay does, and each part's
effect on Gen and on Mem is recorded (docs/circuits.md). Effects on a loss are also added up along the path, by parts of the update,
and through the two algorithms (R146). Nothing is switched off, so this describes one and the same run; study
`disruptors` switches parts off in forks. A fly on a random Latin square shows what the measures see where there is no rule. Settings
were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log

from epicycle.circuits.strength import GenLogit, GenPart, GenQuality, MemLogit
from epicycle.claims.differences import Difference
from epicycle.claims.path_sums import PathSum
from epicycle.claims.series_quantities import Correlation, Extreme, ValueAt
from epicycle.literature.texts import BASINS, THREAD, VARMA
from epicycle.measures.fit import Loss
from epicycle.measures.update_effects import UpdateEffect
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import MICE, ON_MOUSE
from epicycle.studies.two_at_once import with_nulls

QUESTION = "What pushes the general algorithm on the plateau, and what pushes memory: the loss or weight decay?"


ARMS = with_nulls(1000)  # past the median time of generalisation
PLATEAU = "0.5*t_on"  # half of the way to the onset: memorised long ago, test accuracy at chance
# What each step does to a loss, as a mean along the step: by parts of the update, and through the two algorithms.
BY_LOSS, BY_DECAY = (UpdateEffect(of=Loss(rows="test"), part=part, along="step") for part in ("loss", "decay"))
BY_GEN, BY_MEM, TEST_BY_GEN, TEST_BY_MEM = (
    UpdateEffect.parse({"of": {"kind": "loss_through", "circuit": circuit, "rows": rows}, "part": "all", "along": "step"})
    for rows in ("train", "test")
    for circuit in ("gen", "mem")
)
MEASURES = (
    GenLogit(),
    MemLogit(),
    GenPart(),
    GenQuality(),
    *(BY_LOSS, BY_DECAY, BY_GEN, BY_MEM, TEST_BY_GEN, TEST_BY_MEM),
    *(
        UpdateEffect.parse({"of": of.model_dump(), "part": part})
        for of in (GenLogit(), MemLogit())
        for part in ("loss", "decay", "all")
    ),
    UpdateEffect(of=GenLogit(), part="gradient"),
    *(UpdateEffect.parse({"of": Loss(rows="test").model_dump(), "part": part}) for part in ("loss", "decay", "all")),
)


def _push(series: str, at: str, arm: str = "rule", log: bool = False) -> ValueAt:
    """What a part of the next update does, in logits (or nats) a step."""
    return ValueAt(series=series, at=at, arm=arm, log=log)


def _sum(*effects: UpdateEffect, since: str, until: str, share_of: str | None = None) -> PathSum:
    """What some effects add up to over the steps between two moments, in nats, or as a share of a series' change."""
    return PathSum(series=tuple(effect.name for effect in effects), since=since, until=until, share_of=share_of, arm="rule")


def _adds_up(*effects: UpdateEffect, since: str, until: str, to: str) -> Gate:
    """The effects add up to what was observed: the sum along the path has an error below 5 %."""
    return Gate(statistic=_sum(*effects, since=since, until=until, share_of=to), region=Region(above=0.95, below=1.05))


GENERALISES = Gate(statistic=Extreme(series="test_acc", arm="rule", which="max"), region=Region(above=0.8))
TO_MEMORISING, TO_GENERALISING = {"since": "start", "until": "t_mem"}, {"since": "t_mem", "until": "t_gen"}
exploratory = partial(Claim, primary=False, sources=("basins",))
CLAIMS = (
    Claim(
        id="the-loss-pushes-gen-on-the-plateau",
        says="On the plateau the training loss pushes the general algorithm, by more than 0.02 logits a step.",
        statistic=_push("gen_logit_by_loss", PLATEAU),
        supported_if=Region(above=0.02),
        refuted_if=Region(below=0.0),
        phenomenon="forces",
        gates=(GENERALISES,),
        accounts={
            **predictions("R147: the gradient points to it the entire time", superposition="yes"),
            **predictions("R042: moves at random until it hits", single_hit="no"),
        },
        sources=("basins", "thread2022"),
    ),
    Claim(
        id="decay-pulls-at-gen-too",
        says="Weight decay pulls at the general algorithm too: on the plateau it takes more than 0.01 logits a step.",
        statistic=_push("gen_logit_by_decay", PLATEAU),
        supported_if=Region(below=-0.01),
        refuted_if=Region(above=0.0),
        phenomenon="forces",
        gates=(GENERALISES,),
        accounts=inferred("section 3: decay costs every circuit; the cheaper one wins", efficiency="yes"),
        sources=("varma2023",),
    ),
    Claim(
        id="without-decay-the-push-is-gone",
        says="Without weight decay the loss soon stops pushing the general algorithm: after 0.2 of the steps a tenth is left, "
        "or less.",
        statistic=Difference(
            of=_push("gen_logit_by_loss", "0.2*end", "no_decay", log=True),
            against=_push("gen_logit_by_loss", "0.2*end", log=True),
            paired=True,
        ),
        supported_if=Region(below=log(0.1)),
        refuted_if=Region(above=log(0.5)),
        phenomenon="forces",
        gates=(GENERALISES,),
        accounts=inferred("section 2: decay keeps the loss from vanishing", efficiency="yes"),
        sources=("varma2023",),
    ),
    exploratory(
        id="the-gradient-points-to-gen-from-memorising-on",
        says="From memorising on, the direction of steepest descent never points away from the general algorithm.",
        statistic=Extreme(series="gen_logit_by_gradient", which="min", since="t_mem", arm="rule"),
        supported_if=Region(above=0.0),
        refuted_if=Region(below=0.0),
        phenomenon="forces",
        accounts={**predictions("R147", superposition="yes"), **predictions("R042", single_hit="no")},
    ),
    exploratory(
        id="the-gradient-points-to-gen-at-the-start",
        says="Before the first step the gradient points to the general algorithm, 0.002 logits more than where there is no rule.",
        statistic=Difference(
            of=_push("gen_logit_by_gradient", "start"), against=_push("gen_logit_by_gradient", "start", "no_rule"), paired=True
        ),
        supported_if=Region(above=0.002),
        refuted_if=Region(below=0.001),
        phenomenon="forces",
        accounts=predictions("R144: mostly to memory, a bit to the general algorithm", superposition="yes"),
    ),
    exploratory(
        id="memory-stands-still-on-the-plateau",
        says="On the plateau memory hardly grows or shrinks: by less than 0.05 logits a step.",
        statistic=_push("mem_logit_by_all", PLATEAU),
        supported_if=Region(above=-0.05, below=0.05),
        refuted_if=Region(above=0.05, below=-0.05),
        phenomenon="forces",
    ),
    exploratory(
        id="memory-shrinks-on-the-plateau",
        says="On the plateau weight decay takes more from memory than the loss gives it.",
        statistic=_push("mem_logit_by_all", PLATEAU),
        supported_if=Region(below=0.0),
        refuted_if=Region(above=0.0),
        phenomenon="forces",
        accounts=predictions("section 3: the circuit with the larger cost shrinks", efficiency="yes"),
    ),
    exploratory(
        id="gen-grows-on-balance",
        says="On the plateau the loss gives the general algorithm more than weight decay takes.",
        statistic=_push("gen_logit_by_all", PLATEAU),
        supported_if=Region(above=0.0),
        refuted_if=Region(below=0.0),
        phenomenon="forces",
        accounts=predictions("R143, R147", superposition="yes"),
    ),
    exploratory(
        id="decay-lowers-the-test-loss-at-the-onset",
        says="When test accuracy begins to rise, weight decay by itself lowers the test loss.",
        statistic=_push("test_loss_by_decay", "t_on"),
        supported_if=Region(below=0.0),
        refuted_if=Region(above=0.0),
        phenomenon="forces",
        accounts=inferred("R006, R012: the penalty drives it", regularisation="yes"),
    ),
    exploratory(
        id="the-loss-lowers-the-test-loss-at-the-onset",
        says="When test accuracy begins to rise, the training loss by itself lowers the test loss.",
        statistic=_push("test_loss_by_loss", "t_on"),
        supported_if=Region(below=0.0),
        refuted_if=Region(above=0.0),
        phenomenon="forces",
        accounts=inferred("R146, R147: the gradient builds the rule", superposition="yes"),
    ),
    exploratory(
        id="decay-lowers-the-test-loss-on-the-way",
        says="From memorising to generalising, weight decay by itself lowers the test loss by more than 1 nat.",
        statistic=_sum(BY_DECAY, **TO_GENERALISING),
        gates=(_adds_up(BY_LOSS, BY_DECAY, **TO_GENERALISING, to="test_loss"),),
        supported_if=Region(below=-1.0),
        refuted_if=Region(above=0.0),
        phenomenon="forces",
        accounts=inferred("R006, R012: the penalty drives it", regularisation="yes"),
    ),
    exploratory(
        id="the-loss-lowers-the-test-loss-on-the-way",
        says="From memorising to generalising, the training loss by itself lowers the test loss by more than 1 nat.",
        statistic=_sum(BY_LOSS, **TO_GENERALISING),
        gates=(_adds_up(BY_LOSS, BY_DECAY, **TO_GENERALISING, to="test_loss"),),
        supported_if=Region(below=-1.0),
        refuted_if=Region(above=0.0),
        phenomenon="forces",
        accounts=inferred("R146, R147: the gradient builds the rule", superposition="yes"),
    ),
    exploratory(
        id="memory-brings-the-training-loss-down",
        says="Until the rows are memorised, more than 0.8 of the fall of the training loss comes through memory.",
        statistic=_sum(BY_MEM, **TO_MEMORISING, share_of="train_loss"),
        gates=(_adds_up(BY_GEN, BY_MEM, **TO_MEMORISING, to="train_loss"),),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="two-at-once",
        accounts=predictions("R146: nearly all change of loss is due to memory", superposition="yes"),
    ),
    exploratory(
        id="gen-brings-the-test-loss-down",
        says="From memorising to generalising, more than 0.5 of the fall of the test loss comes through the general algorithm.",
        statistic=_sum(TEST_BY_GEN, **TO_GENERALISING, share_of="test_loss"),
        gates=(_adds_up(TEST_BY_GEN, TEST_BY_MEM, **TO_GENERALISING, to="test_loss"),),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.4),
        phenomenon="two-at-once",
    ),
    exploratory(
        id="gen-is-tuned-faster-the-more-it-counts",
        says="On the plateau the general algorithm comes nearer to its ideal form the faster, the more of the right logit it has.",
        statistic=Correlation(series="gen_quality", beside="gen_part", feedback=True, since="t_mem", until="t_on", arm="rule"),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        phenomenon="two-at-once",
        accounts=predictions("R150: positive feedback", superposition="yes"),
    ),
)

FORCES = tuple(f"{of}_by_{part}" for of in ("gen_logit", "mem_logit") for part in ("loss", "decay"))
FIGURES = (
    Figure(
        title="How much does the loss push each of the two algorithms in a step, and how much does weight decay take?",
        arms=tuple(ARMS),
        series=FORCES,
        events=("t_mem", "t_on", "t_gen"),
        decides="the-loss-pushes-gen-on-the-plateau",
    ),
    Figure(title="How strong are the two algorithms?", arms=tuple(ARMS), series=("gen_logit", "mem_logit")),
    Figure(
        title="Which part of the update lowers the test loss?",
        arms=tuple(ARMS),
        series=("test_loss_by_loss", "test_loss_by_decay", "test_loss_by_all"),
    ),
    Figure(
        title="Through which of the two algorithms does each step change the training loss?",
        arms=tuple(ARMS),
        series=(BY_GEN.name, BY_MEM.name),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="Does the direction of steepest descent point to the general algorithm?",
        arms=tuple(ARMS),
        series=("gen_logit_by_gradient",),
    ),
)

STUDY = Study(
    name="forces",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(BASINS, THREAD, VARMA),
    observation=Observation(measures=(*Observation().measures, *MEASURES), per_decade=30, checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, assign={**ON_MOUSE, "training.steps": 1500})},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
