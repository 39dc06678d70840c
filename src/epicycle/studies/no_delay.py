"""The missing delay: which interventions make a network generalise as soon as it memorises, and do they work for the reason given?

Holding the norm of the weights also holds the scale of the logits. Each of the two is varied by itself (arXiv 2606.18465 is about the
scale of the outputs). Transplants take blocks of weights from
another network, which has generalised on the same rows. Where a held norm leaves no room to memorise, t_gen / t_mem says
nothing, and the accuracies at the end are judged. Doses were chosen on seeds from 1000 on (LOG.md, 2026-11-26).
"""

from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime, Quantity
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.edits.knobs import Set
from epicycle.edits.parameters import ScaleWeights, Transplant
from epicycle.edits.units import Project, ResetWeights
from epicycle.literature.texts import LIU, THREAD, VARMA
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.organisms import FLIES, FLY, MICE, ON_MOUSE

QUESTION = "What removes the delay: a small weight norm, flat outputs, parts of a trained network, more data, or any regulariser?"
PLAIN = FLY
# The budget under an intervention. Untouched flies generalise by step 850.
BRIEF = 2000


def _forked(at: int | str, *edits: Any, sweep: dict[str, tuple[Any, ...]] | None = None) -> ForkArm:
    return ForkArm(fork="plain", at=at, edits=edits, sweep=sweep or {}, steps=BRIEF)


def _regularised(field: str, value: Any) -> RootArm:
    return RootArm(experiment=PLAIN.swept("training.steps", BRIEF).swept(field, value), seeds=FLIES)


# Multiples of the initial norm. An untouched fly has 2.8 of it when it begins to generalise; 2 is the least at which flies memorise.
NORMS, SMALL, FULL = (1.0, 1.5, 2.0, 3.0), 2.0, 3.0
TEMPERATURES = (0.3, 2.0, 4.0)
# Block of the network -> its tensors.
BLOCKS = {
    "embedding": ("W_E",),
    "hidden_layer": ("W_in", "b_in"),
    "read_out": ("W_U",),
    "embedding_and_read_out": ("W_E", "W_U"),
}
ARMS = {
    # The control.
    "plain": RootArm(experiment=PLAIN, seeds=FLIES),
    # The norm of all weights is held at a share of the initial norm.
    "held": _forked(0, Set(knob="norm_share", to=SMALL), sweep={"edits.0.to": NORMS}),
    # The scale of the outputs alone: the norm is held where an untouched network has it, and the logits are divided by a temperature.
    "tempered": ForkArm(
        fork="plain",
        at=0,
        edits=(Set(knob="norm_share", to=FULL), Set(knob="temperature", to=TEMPERATURES[0])),
        sweep={"edits.1.to": TEMPERATURES},
        steps=3000,
    ),
    # A norm at which nothing is memorised, with outputs that are made sharp again.
    "held_and_sharpened": _forked(0, Set(knob="norm_share", to=1.0), Set(knob="temperature", to=0.1)),
    # Transplants: other networks start with one block of a network of arm `plain` that was trained on the same rows.
    "fresh": RootArm(experiment=PLAIN.swept("training.steps", BRIEF), seeds=FLIES, first_seed=500, first_data_seed=0),
    **{
        f"with_{name}": ForkArm(fork="fresh", at=0, edits=(Transplant(tensors=tensors, donor="plain"),), steps=BRIEF)
        for name, tensors in BLOCKS.items()
    },
    # More training data.
    "more_data": RootArm(
        experiment=PLAIN.swept("training.steps", BRIEF), seeds=FLIES, sweep={"split.frac_train": (0.7, 0.8, 0.9, 0.95)}
    ),
    # Ordinary regularisers.
    "decay": _regularised("training.optimiser.weight_decay", 3.0),
    "early_decay": _forked(0, Set(knob="weight_decay", to=10.0, until="t_mem")),
    "smoothing": _regularised("training.loss.label_smoothing", 0.1),
    "gradient_noise": _regularised("training.gradient_noise", 1e-3),
    "weight_noise": _regularised("training.weight_noise", 0.1),
    "minibatch": _regularised("training.batch_size", 64),
    # Part of the memory is destroyed once it is complete: a block drawn anew, or all weights halved.
    "new_hidden_layer": _forked("t_mem", ResetWeights(tensors=BLOCKS["hidden_layer"])),
    "new_read_out": _forked("t_mem", ResetWeights(tensors=BLOCKS["read_out"])),
    "shrunk": _forked("t_mem", ScaleWeights(tensors=("*",), by=0.5)),
    # Later, memory alone: of the embedding only the ten largest of 31 directions stay, which hold the rule.
    "cleaned": _forked("t_on", Project(tensors=("W_E",), axis=0, basis="singular", which=tuple(range(10)))),
}
FORKS = [name for name, arm in ARMS.items() if isinstance(arm, ForkArm)]


def _delay(arm: str, **where: Any) -> EventRatio:
    return EventRatio(event="t_gen", over="t_mem", arm=arm, where=where)


def _time_left(arm: str) -> LogRemainingTime:
    return LogRemainingTime(event="t_gen", arm=arm, against="plain")


def _compared(of: Quantity, against: Quantity) -> Difference:
    return Difference(of=of, against=against, paired=True)


def _claim(
    claim_id: str, says: str, statistic: Any, supported: Region, refuted: Region, source: str, primary: bool = False, **fields: Any
) -> Claim:
    return Claim(
        id=claim_id,
        says=says,
        statistic=statistic,
        supported_if=supported,
        refuted_if=refuted,
        primary=primary,
        sources=(source,),
        **fields,
    )


NO_DELAY, DELAY = Region(below=1.5), Region(above=5.0)
BY_OUTPUTS = {
    **postdictions("abstract: at a fixed norm the delay follows the temperature", output_scale="yes"),
    **postdictions("Figures 6 and 7: a small output scale removes the delay", lazy_to_rich="yes"),
    **inferred("the norm is the same", norm="no"),
}
CLAIMS = (
    _claim(
        "plain-networks-are-late",
        "An untouched network generalises more than five times later than it memorises.",
        _delay("plain"),
        Region(above=5.0),
        Region(below=2.0),
        LIU.key,
        phenomenon="delay",
    ),
    _claim(
        "a-held-norm-takes-the-delay-away",
        "A small weight norm that is held takes the delay away: generalising comes less than 1.5 times later than memorising.",
        _delay("held", to=SMALL),
        NO_DELAY,
        DELAY,
        LIU.key,
        primary=True,
        phenomenon="held-norm",
        accounts=postdictions("R129", norm="yes", efficiency="yes"),
    ),
    # How R129 is explained: there is no room to memorise, so the network has every reason to learn the rule.
    _claim(
        "a-held-norm-keeps-memory-out",
        "A norm that is held at the initial one leaves no room to memorise: less than half of the trained rows are right.",
        ValueAt(series="train_acc", at="end", arm="held", where={"to": 1.0}),
        Region(below=0.5),
        Region(above=0.95),
        VARMA.key,
        phenomenon="held-norm",
        accounts=postdictions("R130", efficiency="yes"),
    ),
    _claim(
        "without-room-for-memory-the-rule-is-learned",
        "A network that has no room to memorise learns the rule.",
        ValueAt(series="test_acc", at="end", arm="held", where={"to": 1.0}),
        Region(above=0.95),
        Region(below=0.5),
        VARMA.key,
        phenomenon="held-norm",
        accounts={**postdictions("R130: it keeps hitting the constraint", efficiency="yes"), **postdictions("R129", norm="yes")},
    ),
    _claim(
        "flat-outputs-do-at-full-norm",
        "At full norm, flatter outputs shorten the delay too.",
        _compared(_delay("tempered", to=2.0), _delay("held", to=FULL)),
        Region(below=-1.0),
        Region(above=0.0),
        LIU.key,
        primary=True,
        phenomenon="held-norm",
        accounts=BY_OUTPUTS,
    ),
    _claim(
        "sharp-outputs-prolong-the-delay",
        "At full norm, sharper outputs prolong the delay.",
        _compared(_delay("tempered", to=0.3), _delay("held", to=FULL)),
        Region(above=1.0),
        Region(below=0.0),
        LIU.key,
        phenomenon="held-norm",
        accounts=BY_OUTPUTS,
    ),
    _claim(
        "sharper-outputs-bring-the-delay-back",
        "At a norm that leaves no room to memorise, sharper outputs bring memory and delay back.",
        _delay("held_and_sharpened"),
        Region(above=2.0),
        NO_DELAY,
        LIU.key,
        phenomenon="held-norm",
        accounts={
            **inferred("abstract: the scale of the logits explains the delay", output_scale="yes"),
            **inferred("the norm is as small as before", norm="no"),
        },
    ),
    *(
        _claim(
            f"{name.replace('_', '-')}-that-knows-takes-the-delay-away",
            f"A network that starts with the {words} of a trained network does not delay.",
            _delay(f"with_{name}"),
            Region(below=2.0),
            DELAY,
            THREAD.key,
            primary=name == "embedding",
            phenomenon="known-parts",
            accounts=postdictions("R132", efficiency="yes") if name == "embedding" else {},
        )
        for name, words in zip(BLOCKS, ("embedding", "hidden layer", "read-out", "embedding and read-out"), strict=True)
    ),
    _claim(
        "a-known-embedding-helps",
        "A network that starts with the embedding of a trained network generalises more than twice as early.",
        _compared(*(EventTime(event="t_gen", unit="log", arm=arm) for arm in ("with_embedding", "fresh"))),
        Region(below=-0.693),
        Region(above=-0.1),
        THREAD.key,
        phenomenon="known-parts",
    ),
    _claim(
        "the-delay-goes-with-more-data",
        "Trained on 95 % of the pairs, a network does not delay.",
        _delay("more_data", frac_train=0.95),
        NO_DELAY,
        DELAY,
        THREAD.key,
        phenomenon="data",
        accounts=postdictions("R134", efficiency="yes"),
    ),
    *(
        _claim(
            f"no-{name.replace('_', '-')}-does",
            f"With {words} the delay stays.",
            _delay(name),
            Region(above=1.5),
            NO_DELAY,
            THREAD.key,
            phenomenon="disruptors",
            accounts=predictions("R131: a surprise if an ordinary regulariser did", efficiency="yes"),
        )
        for name, words in (
            ("decay", "more weight decay"),
            ("early_decay", "strong decay until the network has memorised"),
            ("smoothing", "smoothed labels"),
            ("gradient_noise", "noise on the gradients"),
            ("weight_noise", "noise on the weights"),
            ("minibatch", "small batches"),
        )
    ),
    *(
        _claim(
            f"{claim_id}-is-sooner",
            f"{when} {words} makes it generalise sooner.",
            _time_left(arm),
            Region(below=-0.3),
            Region(above=-0.1),
            THREAD.key,
            phenomenon="removing-memory",
            accounts={
                **predictions("R064: removing the shallow circuit speeds generalisation up", coverage="yes"),
                **inferred("R064 and the programme's section 6", efficiency="yes", norm="yes", superposition="no"),
            },
        )
        for claim_id, arm, when, words in (
            ("a-new-hidden-layer", "new_hidden_layer", "Once the network has memorised,", "drawing its hidden layer anew"),
            ("a-new-read-out", "new_read_out", "Once the network has memorised,", "drawing its read-out anew"),
            ("half-of-everything", "shrunk", "Once the network has memorised,", "shrinking all weights"),
            (
                "a-cleaned-embedding",
                "cleaned",
                "Once the network begins to generalise,",
                "taking out the small directions of its embedding",
            ),
        )
    ),
    # R197 within a run, so that both solutions are of the same rows; the later one has the smaller training loss.
    _claim(
        "the-norm-falls-before-generalising",
        "Between memorising and generalising the weights shrink to less than 0.7 of their norm.",
        SeriesChange(series="total_norm", since="t_mem", until="t_gen", decades=True, arm="plain"),
        Region(below=-0.155),
        Region(above=0.0),
        LIU.key,
        phenomenon="norm",
        accounts=postdictions("R197", norm="yes"),
    ),
)
INTERVENED = ("plain", "held", "tempered", "held_and_sharpened", "fresh", *(f"with_{name}" for name in BLOCKS))
ORDINARY = ("plain", "decay", "early_decay", "smoothing", "gradient_noise", "weight_noise", "minibatch", "more_data")
DESTROYED = ("new_hidden_layer", "new_read_out", "shrunk", "cleaned")
FIGURES = (
    Figure(
        title="How late is generalisation under each intervention on the norm, the outputs and the weights?",
        arms=INTERVENED,
        quantities=(_delay("plain"),),
        decides="a-held-norm-takes-the-delay-away",
    ),
    Figure(
        title="How late is generalisation under ordinary regularisers and with more data?",
        arms=ORDINARY,
        quantities=(_delay("plain"),),
    ),
    Figure(
        title="Is generalisation sooner once part of the memory is destroyed?",
        arms=DESTROYED,
        quantities=(_time_left("shrunk"),),
    ),
    Figure(
        title="How do the accuracies rise when the norm is held?",
        arms=("plain", "held"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
    Figure(
        title="How do the accuracies rise with a block of a trained network?",
        arms=("fresh", *(f"with_{name}" for name in BLOCKS)),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
)
SOURCES = (LIU, VARMA, THREAD)

# Of the mouse it is asked what a held norm, a known embedding and more data do. A mouse that is left alone goes from its initial norm
# to 1.2 of it and back, so a mouse has norms of its own: at 0.5 none memorised in a pilot, at 0.9 all did.
ARMS_OF_MICE = ("plain", "held", "fresh", "with_embedding", "more_data")
NO_ROOM, SMALL_OF_MICE = 0.5, 0.9
ON_A_MOUSE = ON_MOUSE | {
    "arms.held.sweep": {"edits.0.to": (NO_ROOM, SMALL_OF_MICE)},
    "arms.held.steps": 1500,
    "arms.more_data.sweep": {"split.frac_train": (0.95,)},
    "claims.a-held-norm-takes-the-delay-away.statistic.where": {"to": SMALL_OF_MICE},
    "claims.a-held-norm-keeps-memory-out.statistic.where": {"to": NO_ROOM},
    "claims.a-held-norm-keeps-memory-out.says": "A norm that is held at half the initial one leaves no room to memorise: "
    "less than half of the trained rows are right.",
    "claims.without-room-for-memory-the-rule-is-learned.statistic.where": {"to": NO_ROOM},
}

STUDY = Study(
    name="no_delay",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=20),
    organism="fly",
    organisms={"mouse": Profile(seeds=MICE, arms=ARMS_OF_MICE, assign=ON_A_MOUSE)},
    profiles={
        "quick": Profile(
            seeds=8,
            pilot=True,
            assign={
                "training.steps": 1000,
                **{f"arms.{name}.steps": 500 for name in FORKS},
                "arms.more_data.sweep": {"split.frac_train": [0.95]},  # each number of rows is one more program to compile
            },
        ),
    },
)
