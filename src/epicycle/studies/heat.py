"""Heat: does noise carry a network over a barrier from memory to the rule?

TLW compares grokking with a process that has an activation energy (R096). Such a process is faster where there is more noise, by
Arrhenius' law: the logarithm of the time is linear in one over the temperature (R097). *toy* is that process: a particle that noise
drives over a barrier.

*alone*: flies with a squared error and without weight decay, which stay in memory (*cold*) until noise on their gradients heats them.
*batches* heats them by small batches instead. The other networks reach the rule without noise, and get noise on top: *quadratic*
under plain gradient descent, where the temperature is lr noise^2 / 2, and *decay*, the fly with AdamW and weight decay. Adam divides
the noise by its own size, so under Adam the temperature grows as the noise and not as its square.

Not judged: that two ways of heating have the same energy (R097). The noise of small batches shrinks with the loss, so small batches
have no single temperature. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log

from epicycle.claims.differences import Difference
from epicycle.claims.laws import PooledLaws
from epicycle.claims.quantities import EventTime, Span
from epicycle.claims.series_quantities import Extreme
from epicycle.claims.shares import RegionShare, Share
from epicycle.claims.slopes import Slope
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import THREAD
from epicycle.models.quadratic import Quadratic
from epicycle.spec.arms import RootArm, TheoryArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY, UNTIL_GENERAL, P
from epicycle.tasks.modular import Modular
from epicycle.theory.barrier_hopping import BarrierHopping
from epicycle.training.losses import MSE
from epicycle.training.optimisers import SGD

QUESTION = "Does noise carry a network over a barrier from memory to the rule, the faster the hotter, as Arrhenius' law says?"

TEMPERATURES = (0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)  # of the toy, whose barrier is 1
# With 3e-5 three of six pilot flies are not half right after 6,000 steps, with 2e-4 five.
NOISES = COOL, _, WARM, _, HOT = (5.5e-5, 7.5e-5, 1e-4, 1.25e-4, 1.5e-4)
NOISES_OF_QUADRATIC = (3e-7, 1e-6, 3e-6, 6e-6, 1e-5)  # with 3e-5 no pilot network generalises
NOISES_OF_DECAY = (1e-4, 3e-4, 1e-3, 2e-3, 4e-3)  # with 8e-3 none memorises
SMALL, LARGE = BATCHES = (32, 128)
FEW, SOME, MORE = 16, 24, 28  # seeds of arms that all end alike, or whose runs take long


def _trained_on(experiment: Experiment, **training: object) -> Experiment:
    for path, value in training.items():
        experiment = experiment.swept(f"training.{path}", value)
    return experiment


_ALONE = _trained_on(FLY.swept("training.optimiser.weight_decay", 0.0), loss=MSE().model_dump(mode="json"), steps=6000)
_QUADRATIC = Experiment(
    task=Modular(p=P, operation="x+y"),
    split=Split(frac_train=0.7),
    model=Quadratic(d_mlp=128),
    training=Training(optimiser=SGD(lr=1e4, weight_decay=0.0), loss=MSE(), steps=3000, stop=UNTIL_GENERAL),
)
ARMS = {
    # The toy: a particle and a barrier of height 1.
    "toy": TheoryArm(theory=BarrierHopping(steps=200_000), seeds=FLIES, sweep={"temperature": TEMPERATURES}),
    # Squared error, no decay: without noise, with noise on the gradients, with small batches.
    "cold": RootArm(experiment=_ALONE, seeds=FEW),
    "alone": RootArm(experiment=_ALONE, seeds=MORE, sweep={"training.gradient_noise": NOISES}),
    "batches": RootArm(experiment=_trained_on(_ALONE, steps=4000), seeds=SOME, sweep={"training.batch_size": BATCHES}),
    # Plain gradient descent, which reaches the rule without noise.
    "quadratic": RootArm(experiment=_QUADRATIC, seeds=SOME, sweep={"training.gradient_noise": NOISES_OF_QUADRATIC}),
    "quadratic_batches": RootArm(experiment=_trained_on(_QUADRATIC, batch_size=SMALL), seeds=SOME),
    # Weight decay, which brings the rule without noise.
    "decay": RootArm(experiment=FLY, seeds=SOME, sweep={"training.gradient_noise": NOISES_OF_DECAY}),
}

ESCAPE = {"t_escape": Threshold(of="escaped", level=1.0, hold=0.0)}
HALF, TENTH = ({name: Threshold(of="test_acc", level=level)} for name, level in (("t_half", 0.5), ("t_tenth", 0.1)))


def _escape(log: bool = False, **where: float) -> EventTime:
    return EventTime(event="t_escape", unit="log" if log else "steps", arm="toy", detectors=ESCAPE, where=where)


def _half(arm: str = "alone", log: bool = False, **where: float) -> EventTime:
    """When half of the held-out rows are right."""
    return EventTime(event="t_half", unit="log" if log else "steps", arm=arm, detectors=HALF, where=where)


def _general(arm: str, log: bool = False, **where: float) -> EventTime:
    return EventTime(event="t_gen", unit="log" if log else "steps", arm=arm, where=where)


def _paired(of: EventTime, against: EventTime) -> Difference:
    return Difference(of=of, against=against, paired=True)


def _ends(region: Region, arm: str, **where: float) -> RegionShare:
    """In how many runs the last held-out accuracy lies in a region."""
    return RegionShare(of=Extreme(series="test_acc", arm=arm, where=where), region=region)


LAW = "R097: the logarithm of the time is linear in one over the temperature"
ARRHENIUS = {
    **predictions(LAW, barrier="yes"),
    **inferred("R097: with a free path nothing waits for heat", free_path="no"),
    **inferred("R097: the drift of weight decay is deterministic", efficiency="no"),
}
HOTTER_IS_SOONER = {**predictions("R097: temperature matters", barrier="yes"), **inferred("R099, R097", free_path="no")}
OTHER_LAWS = ("power", "constant")
BETTER = {"supported_if": Region(above=10), "refuted_if": Region(below=5)}
SOONER = {"supported_if": Region(below=log(0.9)), "refuted_if": Region(above=0.0)}

primary = partial(Claim, phenomenon="heat", sources=(THREAD.key,))
exploratory = partial(primary, primary=False)
CLAIMS = (
    primary(
        id="noise-alone-brings-the-rule",
        says="With noise, and without weight decay, more than 0.6 of the flies get more than 0.9 of the held-out rows right.",
        statistic=_ends(Region(above=0.9), "alone", gradient_noise=WARM),
        supported_if=Region(above=0.6),
        refuted_if=Region(below=0.3),
        gates=(Gate(statistic=_ends(Region(above=0.5), "cold"), region=Region(below=0.35)),),
        accounts={
            **predictions("R097: temperature matters", barrier="yes"),
            **predictions("R029: noise degrades shallow circuits", coverage="yes"),
            **inferred("section 3: without decay nothing favours the general circuit", efficiency="no"),
        },
    ),
    primary(
        id="arrhenius-where-noise-does-it-alone",
        says="Where noise does it alone, Arrhenius' law beats a power law and no law by over 10 in Akaike's criterion.",
        statistic=PooledLaws(of=_half(), along="gradient_noise", law="arrhenius", against=OTHER_LAWS),
        **BETTER,
        accounts=ARRHENIUS,
    ),
    primary(
        id="arrhenius-under-descent",
        says="Under plain descent Arrhenius' law beats a power law and no law by over 10 in Akaike's criterion.",
        statistic=PooledLaws(of=_general("quadratic"), along="gradient_noise", raised_to=2, law="arrhenius", against=OTHER_LAWS),
        **BETTER,
        accounts=ARRHENIUS,
    ),
    exploratory(
        id="warmer-is-sooner",
        says="Half of the held-out rows are right over 10 % sooner with a noise of 0.0001 than with 0.000055.",
        statistic=_paired(_half(log=True, gradient_noise=WARM), _half(log=True, gradient_noise=COOL)),
        **SOONER,
        accounts=HOTTER_IS_SOONER,
    ),
    exploratory(
        id="hotter-still-is-sooner-still",
        says="With a noise of 0.00015, half of the held-out rows are right over 10 % sooner than with 0.0001.",
        statistic=_paired(_half(log=True, gradient_noise=HOT), _half(log=True, gradient_noise=WARM)),
        **SOONER,
        accounts=HOTTER_IS_SOONER,
    ),
    exploratory(
        id="the-way-over-is-sudden",
        says="From 0.1 of the held-out rows to half of them takes less than 0.2 of the time, as after a long wait.",
        statistic=Span(since="t_tenth", until="t_half", detectors={**HALF, **TENTH}, arm="alone", where={"gradient_noise": WARM}),
        supported_if=Region(below=0.2),
        refuted_if=Region(above=0.4),
        accounts={**inferred("R096: what takes long is the wait for a climb", barrier="yes"), **inferred("R099", free_path="no")},
    ),
    exploratory(
        id="small-batches-alone-bring-the-rule",
        says="With batches of 32, and without weight decay, more than 0.6 of the flies generalise.",
        statistic=Share(event="t_gen", arm="batches", where={"batch_size": SMALL}),
        supported_if=Region(above=0.6),
        refuted_if=Region(below=0.3),
        accounts={
            **predictions("R097: two ways of heating", barrier="yes"),
            **predictions("R029: noise degrades shallow circuits", coverage="yes"),
        },
    ),
    exploratory(
        id="smaller-batches-are-sooner",
        says="With batches of 32, half of the held-out rows are right over 10 % sooner than with batches of 128.",
        statistic=_paired(_half("batches", log=True, batch_size=SMALL), _half("batches", log=True, batch_size=LARGE)),
        **SOONER,
        accounts=HOTTER_IS_SOONER,
    ),
    exploratory(
        id="noise-speeds-descent-up",
        says="Under plain descent a network generalises over 10 % sooner with the most noise than with the least.",
        statistic=_paired(
            _general("quadratic", log=True, gradient_noise=NOISES_OF_QUADRATIC[-1]),
            _general("quadratic", log=True, gradient_noise=NOISES_OF_QUADRATIC[0]),
        ),
        **SOONER,
        accounts=HOTTER_IS_SOONER,
    ),
    exploratory(
        id="small-batches-speed-descent-up",
        says="Under plain descent a network with small batches generalises over 20 % sooner than one with all rows.",
        statistic=_paired(
            _general("quadratic_batches", log=True), _general("quadratic", log=True, gradient_noise=NOISES_OF_QUADRATIC[0])
        ),
        supported_if=Region(below=log(0.8)),
        refuted_if=Region(above=log(0.9)),
        accounts=HOTTER_IS_SOONER,
    ),
    exploratory(
        id="arrhenius-beside-decay",
        says="Beside weight decay Arrhenius' law beats a power law and no law by over 10 in Akaike's criterion.",
        statistic=PooledLaws(of=_general("decay"), along="gradient_noise", law="arrhenius", against=OTHER_LAWS),
        **BETTER,
        accounts=ARRHENIUS,
    ),
    exploratory(
        id="noise-beside-decay-is-sooner",
        says="Beside weight decay a fly generalises over 10 % sooner with the most noise than with the least.",
        statistic=_paired(
            _general("decay", log=True, gradient_noise=NOISES_OF_DECAY[-1]),
            _general("decay", log=True, gradient_noise=NOISES_OF_DECAY[0]),
        ),
        **SOONER,
        accounts=HOTTER_IS_SOONER,
    ),
    exploratory(
        id="arrhenius-in-the-toy",
        says="In the toy Arrhenius' law beats a power law and no law by over 10 in Akaike's criterion.",
        statistic=PooledLaws(of=_escape(), along="temperature", law="arrhenius", against=OTHER_LAWS),
        **BETTER,
        accounts=predictions(LAW, barrier="yes"),
    ),
    exploratory(
        id="the-energy-of-the-toy-is-its-barrier",
        says="Where one over the temperature is 1 larger, the toy takes 2 to 3.7 times as long, about as its barrier says.",
        statistic=Slope(of=_escape(log=True), along="temperature", raised_to=-1),
        supported_if=Region(above=0.7, below=1.3),
        refuted_if=Region(above=1.5, below=0.5),
        accounts=predictions("R097: the slope is the activation energy", barrier="yes"),
    ),
)

FIGURES = (
    Figure(
        title="Is half of the held-out rows right the sooner, the hotter a network is, where only noise can do it?",
        arms=("alone",),
        quantities=(_half(),),
        along="gradient_noise",
        decides="arrhenius-where-noise-does-it-alone",
    ),
    Figure(
        title="What does noise alone do to a network that has memorised?",
        arms=("cold", "alone", "batches"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
    Figure(
        title="When do networks generalise that need no noise, if they get noise?",
        arms=("quadratic", "decay"),
        quantities=(_general("quadratic"),),
        along="gradient_noise",
    ),
    Figure(
        title="When does the toy's particle get over its barrier?",
        arms=("toy",),
        quantities=(_escape(),),
        along="temperature",
    ),
)

STUDY = Study(
    name="heat",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD,),
    observation=Observation(per_decade=60, checkpoint_megabytes=5),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
