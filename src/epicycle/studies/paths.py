"""Paths: does a network wander at random until it hits the rule, or does it head for its end all along?

Where a network is at each look is recorded as a sketch of its weights, so that the way to the end is known afterwards
(docs/circuits.md). In a random walk a move has nothing to do with the way that is still ahead of it, and the squared distance grows
with the steps. The study judges R042 and R043. The loss makes weights grow and decay shrinks them, which are directions too. So the
part of the update that comes from the loss is judged beside whole moves, and the turning of weights apart from their size. Settings
were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log

from epicycle.circuits.strength import GenLogit, MemLogit
from epicycle.claims.differences import Difference
from epicycle.claims.path_quantities import DiffusionExponent, MoveCosine, PathLength, Straightness
from epicycle.claims.series_quantities import Extreme
from epicycle.literature.texts import BASINS, THREAD
from epicycle.measures.path_sketch import Displacement, WeightSketch
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import MICE, ON_MOUSE
from epicycle.studies.two_at_once import with_nulls

QUESTION = "Does a network wander at random until it hits the rule and then rest, or does it head for its end all along?"

# More than half a factor of ten past the median time of generalisation; those that never generalise end at about that time.
ARMS = {**with_nulls(800), "rule": with_nulls(3000)["rule"]}
# For a while after memorising the weights overshoot and come back. From the double of that step on they no longer do.
PLATEAU = {"since": "2*t_mem", "until": "t_on"}
TO_THE_RULE = {**PLATEAU, "arm": "rule", "to": "t_gen"}
BY_LOSS = WeightSketch(of="loss")
MEASURES = (GenLogit(), MemLogit(), Displacement(), WeightSketch(), BY_LOSS)
GENERALISES = Gate(statistic=Extreme(series="test_acc", arm="rule", which="max"), region=Region(above=0.8))

EXPONENT = DiffusionExponent.parse({**PLATEAU, "arm": "rule"})
STRAIGHTNESS = Straightness.parse({**PLATEAU, "arm": "rule"})
AHEAD = MoveCosine.parse(TO_THE_RULE)
LOSS_AHEAD, LOSS_TURNING_AHEAD = (
    MoveCosine.parse({**TO_THE_RULE, "moves": BY_LOSS.name, "turning": turning}) for turning in (False, True)
)
NEXT = MoveCosine.parse({**PLATEAU, "arm": "rule", "beside": "next"})


def _per_decade(since: str, until: str, log: bool = True) -> PathLength:
    """The path length for each factor of ten in the number of steps."""
    return PathLength(since=since, until=until, per_decade=True, log=log, arm="rule")


RANDOM = predictions("R042: moves mostly randomly until it hits", single_hit="yes")
NOT_RANDOM = {
    **predictions("R042: moves mostly randomly until it hits", single_hit="no"),
    **inferred("R147: the gradient points to the general algorithm all the time", superposition="yes"),
}
exploratory = partial(Claim, primary=False, sources=("thread2022", "basins"))
CLAIMS = (
    Claim(
        id="moves-head-for-the-rule-on-the-plateau",
        says="On the plateau a network heads for the place where it will generalise: a move has a cosine above 0.15 with the way.",
        statistic=AHEAD,
        supported_if=Region(above=0.15),
        refuted_if=Region(below=0.05),
        phenomenon="path",
        gates=(GENERALISES,),
        accounts=NOT_RANDOM,
        sources=("thread2022", "basins"),
    ),
    Claim(
        id="the-distance-grows-faster-than-in-a-random-walk",
        says="On the plateau the squared distance grows faster than in a random walk, with an exponent above 1.3.",
        statistic=EXPONENT,
        supported_if=Region(above=1.3),
        refuted_if=Region(below=1.1),
        phenomenon="path",
        gates=(GENERALISES,),
        accounts=NOT_RANDOM,
        sources=("thread2022", "basins"),
    ),
    Claim(
        id="it-rests-after-generalising",
        says="Once it has generalised a network comes to rest: its path per decade of steps is more than 5 times shorter than before.",
        statistic=Difference(of=_per_decade("t_gen", "end"), against=_per_decade("t_mem", "t_gen"), paired=True),
        supported_if=Region(below=log(0.2)),
        refuted_if=Region(above=log(0.5)),
        phenomenon="path",
        gates=(GENERALISES,),
        accounts=predictions("R043: after hitting it, never moves very much again", single_hit="yes"),
        sources=("thread2022",),
    ),
    exploratory(
        id="moves-keep-their-direction",
        says="On the plateau a network goes on as it went: the cosine of one move with the next is more than 0.5.",
        statistic=NEXT,
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.1),
        phenomenon="path",
        accounts=NOT_RANDOM,
    ),
    exploratory(
        id="the-path-is-straighter-than-a-random-walk",
        says="On the plateau the way from end to end is more than 0.4 of the path; a random walk of as many moves has 0.2.",
        statistic=STRAIGHTNESS,
        supported_if=Region(above=0.4),
        refuted_if=Region(below=0.2),
        phenomenon="path",
        accounts=NOT_RANDOM,
    ),
    exploratory(
        id="the-loss-alone-points-away",
        says="On the plateau the loss by itself points away from the place where the network will generalise: it makes weights grow.",
        statistic=LOSS_AHEAD,
        supported_if=Region(below=-0.05),
        refuted_if=Region(above=0.05),
        phenomenon="path",
    ),
    exploratory(
        id="the-loss-turns-the-weights-towards-the-rule",
        says="Size aside, the loss turns the weights towards the place where the network will generalise, with a cosine above 0.15.",
        statistic=LOSS_TURNING_AHEAD,
        supported_if=Region(above=0.15),
        refuted_if=Region(below=0.05),
        phenomenon="path",
        accounts=NOT_RANDOM,
    ),
    exploratory(
        id="from-memorising-on-the-distance-grows-as-in-a-random-walk",
        says="Counted from the step of memorising, the squared distance seems to grow as in a random walk: exponent 0.8 to 1.2.",
        statistic=DiffusionExponent(since="t_mem", until="0.5*t_on", arm="rule"),
        supported_if=Region(above=0.8, below=1.2),
        refuted_if=Region(above=1.3),
        phenomenon="path",
        accounts=RANDOM,
    ),
    exploratory(
        id="the-end-of-the-run-is-another-place",
        says="On the plateau moves point less to where the run ends than to where the network will generalise.",
        statistic=Difference(of=AHEAD.model_copy(update={"to": "end"}), against=AHEAD, paired=True),
        supported_if=Region(below=-0.05),
        refuted_if=Region(above=0.0),
        phenomenon="path",
    ),
    exploratory(
        id="it-moves-more-after-generalising",
        says="Once it has generalised a network moves more per decade of steps than on the way there.",
        statistic=Difference(of=_per_decade("t_gen", "end"), against=_per_decade("t_mem", "t_gen"), paired=True),
        supported_if=Region(above=0.0),
        refuted_if=Region(below=0.0),
        phenomenon="path",
        accounts=predictions("R043", single_hit="no"),
    ),
    exploratory(
        id="without-a-rule-a-network-heads-as-well-for-where-it-will-be",
        says="A network that has no rule to find heads as well for the place where it will be when others generalise.",
        statistic=MoveCosine(since="2*t_mem", until="0.4*end", arm="no_rule"),
        supported_if=Region(above=0.15),
        refuted_if=Region(below=0.05),
        phenomenon="path",
    ),
    exploratory(
        id="without-decay-the-path-is-straight",
        says="Without weight decay the path is nearly straight: the way from end to end is more than 0.8 of its length.",
        statistic=Straightness(since="2*t_mem", until="end", arm="no_decay"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="path",
    ),
)

EVENTS = ("t_mem", "t_on", "t_gen")
# The same period for networks that never generalise: others begin to at about 8 times t_mem, and have done so at about 20 times.
FOR_ALL = {"since": "2*t_mem", "until": "8*t_mem", "arm": "rule"}
FIGURES = (
    Figure(
        title="Do moves on the plateau point where the next one points, and where the network will be when others generalise?",
        arms=tuple(ARMS),
        quantities=(
            MoveCosine.parse({**FOR_ALL, "beside": "next"}),
            MoveCosine.parse({**FOR_ALL, "to": "20*t_mem"}),
        ),
        decides="moves-head-for-the-rule-on-the-plateau",
    ),
    Figure(
        title="And where does the loss point by itself, with the growth of weights and without?",
        arms=("rule",),
        quantities=(LOSS_AHEAD, LOSS_TURNING_AHEAD),
    ),
    Figure(title="How far from its start is a network?", arms=tuple(ARMS), series=("displacement",), events=EVENTS),
    Figure(
        title="How far does a network move per decade of steps: while it memorises, on the plateau, in the rise, and afterwards?",
        arms=("rule",),
        quantities=(
            _per_decade("0.3*t_mem", "t_mem", log=False),
            _per_decade("t_mem", "t_on", log=False),
            _per_decade("t_on", "t_gen", log=False),
            _per_decade("t_gen", "end", log=False),
        ),
    ),
    Figure(title="How strong are the two algorithms meanwhile?", arms=tuple(ARMS), series=("gen_logit", "mem_logit"), events=EVENTS),
)

STUDY = Study(
    name="paths",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, BASINS),
    observation=Observation(measures=(*Observation().measures, *MEASURES), checkpoint_megabytes=10),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, assign={**ON_MOUSE, "training.steps": 3000})},
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
