"""What disrupts memory: decay, small batches, noise, smoothing, other losses. Does one of them do alone? Do they help beside decay?

Flies start with nothing but their loss: a full batch, AdamW without decay, an exact loss. A first set of arms adds one thing to that.
A second set adds the same things to decay. Forks take the loss or the decay away once the test loss has peaked, or make all weights
smaller once a fly generalises. Doses and budgets were chosen on seeds from 1000 on (LOG.md, 2026-11-26).

Rows of the programme: R004, R006, R012, R029 to R031, R041, R065 to R068. Parts of them are judged elsewhere: that a fly with an exact
loss and without decay stays at chance in study `organisms` (R065), more decay in `dcrit` (R030), small batches from the onset on in
`boost` (R068). Parts are not tested: a line search and second derivatives, which the laboratory has not (R067), the cost of taking
memory out (R029), a league on three tasks (R031). R193 is about dropout, which an MLP of this laboratory has not. A mouse has it, and
takes about twenty times as long with it, so R193 is not tested either.
"""

from math import log

from epicycle.circuits.strength import GenLogit, MemLogit
from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventTime
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.series_quantities import Extreme, SeriesChange, ValueAt
from epicycle.claims.shares import Share
from epicycle.claims.transitions import Transition
from epicycle.literature.texts import POWER, PRIETO, THREAD
from epicycle.measures.fit import ZeroLossShare
from epicycle.spec.claim import Claim, Prediction, Region
from epicycle.spec.families import Statistic
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.disruptors_arms import ARMS, CELLS, CHANGES, MOUSE_ARMS, OF_MICE, ON_TOP, SHRINKS

QUESTION = "Which regulariser makes a network generalise, alone or beside weight decay: noise, small batches, smoothing, another loss?"

# Intervention -> what it is called.
WORDS = {
    "decay_to_start": "decay towards the first weights",
    "held_norm": "a held weight norm",
    "smoothing": "smoothing of the labels",
    "squared_error": "a squared error",
    "hinge": "a hinge loss",
    "weight_noise": "noise on the weights",
    "gradient_noise": "noise on the gradients",
    "batches": "a small batch",
    "sign_descent": "descent by the sign of the gradient",
    "momentum": "gradient descent with momentum",
    "float64": "a loss in float64",
}
NOISE = ("weight_noise", "gradient_noise", "batches")
Accounts = dict[str, Prediction]


def _claim(
    claim_id: str,
    says: str,
    statistic: Statistic,
    regions: tuple[Region, Region],
    accounts: Accounts | None = None,
    phenomenon: str = "disruptors",
    primary: bool = False,
    source: str = THREAD.key,
) -> Claim:
    """A claim of the debate; `regions` are those of support and of refutation."""
    return Claim(
        id=claim_id.replace("_", "-"),
        says=says,
        statistic=statistic,
        supported_if=regions[0],
        refuted_if=regions[1],
        primary=primary,
        phenomenon=phenomenon,
        accounts=accounts or {},
        sources=(source,),
    )


MOST = Region(above=0.5), Region(below=0.5)  # of the runs of an arm
ABOVE_CHANCE = Region(above=0.1), Region(below=0.1)  # R065
SOONER = Region(below=-0.2), Region(above=0.0)  # R029


def _generalise(arm: str) -> Share:
    return Share(event="t_gen", arm=arm)


def _best(arm: str) -> Extreme:
    """The largest test accuracy above chance."""
    return Extreme(series="test_acc", which="max", above_baseline=True, arm=arm)


def _log_time(arm: str, **where: float) -> EventTime:
    return EventTime(event="t_gen", unit="log", arm=arm, where=dict(where))


def _against_decay(of: EventTime) -> Difference:
    """By what factor generalisation is later than with decay alone, as a logarithm."""
    return Difference(of=of, against=_log_time("decay"), paired=True)


# R031, R041, R065, R067: one thing alone.
UNREGULARISED = predictions("R066: extremely surprised", regularisation="no")
BY_NOISE = {
    **predictions("R029: it degrades shallow circuits", coverage="yes"),
    **inferred("section 3: noise is no ingredient", efficiency="no"),
}
OF_ONE: dict[str, Accounts] = {
    **dict.fromkeys(NOISE, inferred("R029, R065; section 3: noise is no ingredient", coverage="yes", efficiency="no")),
    "squared_error": {**inferred("R041: a loss that does not come to rest", precision="yes"), **UNREGULARISED},
    "float64": {**postdictions("Figure 2: an exact loss lets it grok", precision="yes"), **UNREGULARISED},
    "sign_descent": UNREGULARISED,
    "momentum": UNREGULARISED,
    "held_norm": inferred("section 3: at one norm the rule gives more logit", efficiency="yes"),
}
ONE_ALONE = tuple(
    _claim(
        f"{name}-alone-does-it",
        f"With nothing else, {words} makes most networks generalise.",
        _generalise(name),
        MOST,
        OF_ONE.get(name),
        phenomenon="regularisation",
        source=PRIETO.key if name == "float64" else THREAD.key,
    )
    for name, words in WORDS.items()
)

# R065, R066: the cells of the factorial that no other claim is about, and narrow networks.
FACTORIAL = (
    *(
        _claim(
            f"{name}-without-decay-is-above-chance",
            f"Without decay, with {words}, networks get more than 10 points above chance.",
            _best(name),
            ABOVE_CHANCE,
            {**predictions("R065: it still happens, but much less", coverage="yes"), **accounts},
            phenomenon="regularisation",
        )
        for name, words, accounts in (
            ("float32", "a full batch and a loss in float32", {**UNREGULARISED, **postdictions("Figure 1", precision="no")}),
            ("squared_error", "a full batch and a squared error", OF_ONE["squared_error"]),
            ("batches", "a small batch", {}),
            ("batches_float32", "a small batch and a loss in float32", {}),
            ("batches_squared_error", "a small batch and a squared error", {}),
        )
    ),
    *(
        _claim(
            f"{name}-generalises",
            f"With decay{words} most networks generalise.",
            _generalise(name),
            MOST,
            phenomenon="regularisation",
        )
        for name, words in (
            ("decay_float32", " and a loss in float32"),
            ("decay_batches_float32", ", a small batch and a loss in float32"),
            ("decay_batches_squared_error", ", a small batch and a squared error"),
        )
    ),
    *(
        _claim(f"{arm}-generalises", f"{words}, most narrow networks generalise.", _generalise(arm), MOST, accounts, "regularisation")
        for arm, words, accounts in (("decay_narrow", "With decay", {}), ("narrow", "Without decay", UNREGULARISED))
    ),
    # R041: does training come to rest?
    _claim(
        "float32-comes-to-rest",
        "Without decay and with a loss in float32, more than half of the trained rows end with a loss of exactly zero.",
        ValueAt(series="train_zero_loss_share_own", at="end", arm="float32"),
        (Region(above=0.5), Region(below=0.1)),
        {
            **postdictions("Figure 1: softmax collapse", precision="yes"),
            **inferred("R041: memory is not at a probability of 1", single_hit="no"),
        },
        phenomenon="regularisation",
        source=PRIETO.key,
    ),
)

# R029, R068: beside decay, at the same learning rate and the same decay.
BESIDE_DECAY = (
    *(
        _claim(
            f"{name}-beside-decay-is-sooner",
            f"Beside decay, {WORDS[name]} brings generalisation sooner.",
            _against_decay(_log_time(f"decay_{name}")),
            SOONER,
            BY_NOISE if name in NOISE else None,
            primary=name in ("batches", "weight_noise"),
        )
        for name in ON_TOP
    ),
    _claim(
        "batches-need-fewer-passes",
        "As a pass over the data takes 9 times as many steps with a small batch, a small batch is sooner if passes are counted.",
        _against_decay(_log_time("decay_batches")),
        (Region(below=log(9) - 0.2), Region(above=log(9))),
        predictions("R068: small batches help", coverage="yes"),
    ),
)

# R006, R012: which force does it?
BY_THE_LOSS = inferred("R006, R012: the drive is what is left of the loss", single_hit="no")
BY_DECAY = {
    **predictions("R012: it is not done to reduce the training loss", coverage="yes"),
    **inferred("R012: the drive is the penalty", efficiency="yes", simplicity="yes"),
    **BY_THE_LOSS,
}
FORCES = (
    *(
        _claim(
            f"{arm}-takes-twice-as-long",
            f"From {moment} on, a network without decay takes more than twice as long to generalise.",
            LogRemainingTime(event="t_gen", arm=arm, against="decay"),
            (Region(above=log(2)), Region(below=0.1)),
            BY_DECAY,
            phenomenon="decay",
            primary=arm == "no_decay",
        )
        for arm, moment in (("no_decay", "the peak of the test loss"), ("no_decay_from_onset", "the onset"))
    ),
    *(
        _claim(
            f"{name}-alone-does-half",
            f"From the peak of the test loss on, {words} alone lowers the calibrated test loss by more than 1.7 nats.",
            SeriesChange(series="test_calibrated_loss", arm=arm),
            (Region(below=-1.7), Region(above=-1.7)),  # half of ln 31, which is ignorance
            accounts,
            phenomenon="decay",
        )
        for name, words, arm, accounts in (
            (
                "the-loss",
                "the gradient of the loss",
                "no_decay",
                inferred("R006: residual probability", single_hit="yes", efficiency="no"),
            ),
            ("decay", "decay", "no_loss", {}),
        )
    ),
)

# R030: are rule and memory restored alike, 20 steps after a shrink that takes the same share of both? Rule and memory are the parts of
# the right logit that `circuits/strength.py` calls Gen and Mem. A twentieth of a decade more is as good as alike.
BY_SHRINKING = {
    **predictions("R030: shallow circuits are degraded more", coverage="yes"),
    **inferred("R030, section 6 of the programme", efficiency="yes", norm="yes", simplicity="yes"),
}


def _rule_against_memory(arm: str, **where: float) -> Difference:
    """By how many factors of ten Gen grows more than Mem."""
    gen, mem = (
        SeriesChange(series=f"{part}_logit", until="0.2*end", decades=True, arm=arm, where=dict(where)) for part in ("gen", "mem")
    )
    return Difference(of=gen, against=mem, paired=True)


SHRUNK = (
    *(
        _claim(
            f"the-rule-comes-back-faster-{words}",
            f"{when} and all its weights shrink to {by:g}, the rule's part of the right logit grows back faster than that of memory.",
            _rule_against_memory(arm, by=by),
            (Region(above=0.1), Region(below=0.05)),
            BY_SHRINKING,
            phenomenon="decay",
        )
        for arm, by, words, when in (
            *(
                ("shrunk", by, f"after-{size}", "When a network generalises")
                for by, size in zip(SHRINKS, ("a-tenth-less", "three-tenths-less", "half"), strict=True)
            ),
            ("shrunk_at_onset", SHRINKS[1], "at-the-onset", "When a network begins to generalise"),
        )
    ),
    _claim(
        "a-halved-network-forgets-held-out-rows",
        "After all weights shrink to 0.5, training first costs a network more than 5 points of test accuracy.",
        SeriesChange(series="test_acc", until="min", arm="shrunk", where={"by": 0.5}),
        (Region(below=-0.05), Region(above=-0.02)),
        phenomenon="decay",
    ),
)


def _data_needed(arm: str, without: str) -> Transition:
    """The share of data at which the last test accuracy comes up to 0.99, compared with that in another arm."""
    last, over = (ValueAt(series="test_acc", at="end", arm=f"{name}_fractions") for name in (arm, without))
    return Transition(of=last, along="frac_train", level=0.99, what="log_ratio", over=over)


# R004: how much data does it take to be right on 99 % of the held-out rows within the budget?
LESS_DATA = tuple(
    _claim(
        f"{name}-needs-less-data",
        f"Within the budget, a network with {words} needs less than 0.9 of the data that it needs without.",
        _data_needed(name, without),
        (Region(below=log(0.9)), Region(above=log(0.97))),
        postdictions("R004, R032: Figure 2a", coverage="yes", single_hit="yes"),
        phenomenon="data",
        source=POWER.key,
    )
    for name, words, without in (("decay", "decay", "nothing"), ("decay_weight_noise", "noise on its weights beside decay", "decay"))
)

CLAIMS = (*BESIDE_DECAY, *FORCES, *ONE_ALONE, *FACTORIAL, *SHRUNK, *LESS_DATA)

# On the mouse: the claims about arms that it has, but for the one that counts a fly's batches.
CLAIMS_OF_MICE = tuple(claim for claim in CLAIMS if set(claim.arms()) <= set(MOUSE_ARMS) and claim.id != "batches-need-fewer-passes")

FIGURES = (
    Figure(
        title="Which single thing makes a network generalise?",
        arms=tuple(name for name in CHANGES if not name.startswith("float")),
        quantities=(_best("decay"),),
        decides="weight-noise-alone-does-it",
    ),
    Figure(
        title="Beside decay, does anything bring generalisation sooner?",
        arms=("decay", *(f"decay_{name}" for name in ON_TOP)),
        quantities=(EventTime(event="t_gen", arm="decay"),),
        decides="weight-noise-beside-decay-is-sooner",
    ),
    Figure(
        title="Full or small batches, decay or none, three losses: where do networks generalise?",
        arms=CELLS,
        quantities=(_best("decay"),),
    ),
    Figure(
        title="How does the calibrated test loss go on if decay or the loss is taken away?",
        arms=("decay", "no_decay", "no_loss", "no_decay_from_onset"),
        series=("test_calibrated_loss",),
        events=("t_on", "t_gen"),
    ),
    Figure(
        title="What happens to held-out rows after all weights shrink?",
        arms=("shrunk",),
        series=("test_acc",),
        events=("t_gen",),
    ),
    Figure(
        title="How much data does it take, with decay, with decay and noise, and with neither?",
        arms=("nothing_fractions", "decay_fractions", "decay_weight_noise_fractions"),
        quantities=(ValueAt(series="test_acc", at="end", arm="nothing_fractions"),),
        along="frac_train",
    ),
    Figure(
        title="Without decay, how many trained rows come to have a loss of exactly zero?",
        arms=("nothing", "float32", "float64", "squared_error", "hinge"),
        quantities=(ValueAt(series="train_zero_loss_share_own", at="end", arm="nothing"),),
    ),
)
FIGURES_OF_MICE = (
    Figure(
        title="Beside decay, does anything bring generalisation sooner?",
        arms=tuple(OF_MICE),
        quantities=(EventTime(event="t_gen", arm="decay"),),
        decides="weight-noise-beside-decay-is-sooner",
    ),
    Figure(
        title="How does accuracy go on if decay is taken away?",
        arms=("decay", "no_decay"),
        series=("test_acc",),
        events=("t_on", "t_gen"),
        decides="no-decay-takes-twice-as-long",
    ),
)
SOURCES = (THREAD, POWER, PRIETO)

STUDY = Study(
    name="disruptors",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(
        measures=(*Observation().measures, ZeroLossShare(precision="own"), GenLogit(), MemLogit()), checkpoint_megabytes=10
    ),
    organism="fly",
    organisms={
        "mouse": Profile(
            assign={
                "arms": {name: arm.model_dump(mode="json") for name, arm in MOUSE_ARMS.items()},
                "claims": [claim.model_dump(mode="json") for claim in CLAIMS_OF_MICE],
                "figures": [figure.model_dump(mode="json") for figure in FIGURES_OF_MICE],
            }
        )
    },
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
