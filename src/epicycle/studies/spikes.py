"""Spikes: why does the training loss jump up again and again after a network has memorised, and does that help it generalise?

Pope reads spikes as moments at which shallow circuits are replaced by a general one (R015), Shah as failed attempts (R016). The
training loss is said to have regular spikes, each with a sharp jump, a sharp fall and a shallower one (R017), and every spike to
coincide with one of the validation loss (R014). Pope's guess at the cause needs something that both circuits pass through, such as a
normalisation (R018). The replication in which the spikes were seen has a transformer that normalises before each block, so *normed*
is a mouse with this normalisation, and *plain* the same mouse without.

Pilot flies have no spikes, at ten times the rate, with two and three layers, without decay or with other betas. The fly is not asked.

Not judged: whether spikes are highest in rows on which both circuits are strong (R018), how Gen changes across a spike (R016), and
whether generalising comes later where spikes are suppressed (R015, R194). Settings were chosen on seeds from 1000 on (LOG.md,
2026-11-27).
"""

from functools import partial
from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.series_quantities import Extreme
from epicycle.claims.shares import RegionShare
from epicycle.claims.spikes import Spikes, What
from epicycle.literature.texts import THREAD
from epicycle.measures.fit import Accuracy, Loss
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import MOUSE

QUESTION = "Why does the training loss have spikes after memorising, how regular are they, and do they bring the rule nearer?"

STEPS = 1500  # a dozen spikes of a pilot mouse
SEEDS, SEEDS_PLAIN = 20, 16
LEAST = 8  # spikes that a mouse must have before it is asked how regular they are


def _mouse(norm: str) -> Experiment:
    whole: dict[str, Any] = {"training.stop": None, "training.steps": STEPS, "model.norm": norm}
    experiment = MOUSE
    for path, value in whole.items():
        experiment = experiment.swept(path, value)
    return experiment


ARMS = {
    # Normalised before attention and before the MLP, and not at all.
    "normed": RootArm(experiment=_mouse("pre"), seeds=SEEDS),
    "plain": RootArm(experiment=_mouse("none"), seeds=SEEDS_PLAIN),
}


def _spikes(what: What = "number", arm: str = "normed", beside: str = "", **moments: str) -> Spikes:
    return Spikes.model_validate({"series": "train_loss", "what": what, "arm": arm, "beside": beside, **moments})


AFTERWARDS = {"since": "t_gen"}
MANY = Gate(statistic=_spikes(), region=Region(above=LEAST))
primary = partial(Claim, phenomenon="spikes", sources=(THREAD.key,))
exploratory = partial(primary, primary=False)
CLAIMS = (
    primary(
        id="spikes-come-like-a-clock",
        says="The distances between successive spikes vary by less than 0.3 of their mean.",
        statistic=_spikes("irregularity"),
        supported_if=Region(below=0.3),
        refuted_if=Region(above=0.7),
        gates=(MANY,),
        accounts=predictions("R017: regular spikes", coverage="yes"),
    ),
    primary(
        id="no-spikes-without-normalisation",
        says="Without normalisation fewer than 0.4 of the mice have more than 2 spikes.",
        statistic=RegionShare(of=_spikes(arm="plain"), region=Region(above=2)),
        supported_if=Region(below=0.4),
        refuted_if=Region(above=0.6),
        gates=(MANY,),
        accounts=predictions("R018: a problem of renormalisation", coverage="yes"),
    ),
    primary(
        id="spikes-bring-the-rule-nearer",
        says="Until it generalises, a mouse gains over 2 points more held-out accuracy across a spike than in the time before it.",
        statistic=_spikes("gain", beside="test_acc", until="t_gen"),
        supported_if=Region(above=0.02),
        refuted_if=Region(below=0.0),
        accounts={
            **predictions("R015: spikes are unification events", coverage="yes"),
            **predictions("R016: spikes may be failed attempts", single_hit="no"),
            **inferred("R194: slingshots regularise", slingshot="yes"),
        },
    ),
    exploratory(
        id="spikes-look-alike",
        says="More than 0.7 of the variance of the logarithm of the training loss around spikes is the same in all spikes.",
        statistic=_spikes("likeness"),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.5),
        gates=(MANY,),
        accounts=predictions("R017: a sharp jump, a sharp fall, a shallower fall", coverage="yes"),
    ),
    exploratory(
        id="the-test-loss-has-the-same-spikes",
        says="Once a mouse generalises, more than 0.9 of the spikes coincide with spikes of the test loss.",
        statistic=_spikes("coincidence", beside="test_loss", **AFTERWARDS),
        supported_if=Region(above=0.9),
        refuted_if=Region(below=0.7),
        accounts=predictions("R014: every spike coincides", coverage="yes"),
    ),
    exploratory(
        id="that-is-no-chance",
        says="From memorising on, more spikes coincide with spikes of the test loss than by chance, by over 0.2 of them.",
        statistic=Difference(
            of=_spikes("coincidence", beside="test_loss"), against=_spikes("by_chance", beside="test_loss"), paired=True
        ),
        supported_if=Region(above=0.2),
        refuted_if=Region(below=0.0),
        accounts=predictions("R014: every spike coincides", coverage="yes"),
    ),
    exploratory(
        id="a-spike-costs-most-of-the-memory",
        says="In the deepest spike a mouse gets less than 0.5 of its trained rows right.",
        statistic=Extreme(series="train_acc", which="min", since="t_mem", arm="normed"),
        supported_if=Region(below=0.5),
        refuted_if=Region(above=0.9),
        accounts=inferred("R018: predictions go bad where the sum overshoots", coverage="yes"),
    ),
)

FIGURES = (
    Figure(
        title="Does the training loss have spikes, with normalisation and without?",
        arms=("normed", "plain"),
        series=("train_loss", "test_loss"),
        decides="spikes-come-like-a-clock",
    ),
    Figure(
        title="Does accuracy on held-out rows rise in steps, where the training loss has spikes?",
        arms=("normed", "plain"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
    Figure(title="How many spikes does a mouse have?", arms=("normed", "plain"), quantities=(_spikes(),)),
)

STUDY = Study(
    name="spikes",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD,),
    observation=Observation(
        measures=(
            *(Loss(rows=rows) for rows in ("train", "test")),
            *(Accuracy(rows=rows) for rows in ("train", "test", "mirror_unseen")),
        ),
        dense_until=STEPS,
        checkpoint_megabytes=5,
    ),
    organism="mouse",
    profiles={"quick": Profile(seeds=4, pilot=True)},
)
