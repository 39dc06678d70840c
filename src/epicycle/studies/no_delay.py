"""The missing delay: which interventions make a network generalise as soon as it memorises, and do they work for the reason given?

Holding the norm of the weights also holds the scale of the logits and, as Adam's steps have a fixed size, the relative size of a step.
Each of the three is varied by itself (arXiv 2606.18465 is about the scale of the outputs). Transplants take blocks of weights from a
network that has generalised on the same rows.
"""

from typing import Any

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.claims.slopes import Slope
from epicycle.edits.knobs import Scale, Set
from epicycle.edits.parameters import ResetWeights, ScaleWeights, Transplant
from epicycle.literature.texts import LIU, THREAD, VARMA
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.settings import EARLY_PILOT, NO_NORM, SEEDS, inferred, postdictions, predictions, training, with_budget
from epicycle.tasks.derived import RandomLabels
from epicycle.tasks.modular import Modular

QUESTION = "What removes the delay: a small weight norm, flat outputs, parts of a trained network, more data, or any regulariser?"
P, STEPS = 59, 3000
PLAIN = Experiment(task=Modular(p=P, operation="x-y"), split=Split(frac_train=0.6), model=NO_NORM, training=training(STEPS))
# The budget under an intervention. It is shorter than the control's, as an intervention that does not work uses all of it.
BRIEF = 2000


def _regularised(field: str, values: tuple[Any, ...]) -> RootArm:
    return RootArm(experiment=with_budget(PLAIN, BRIEF).swept(field, values[0]), seeds=10, sweep={field: values})


def _forked(at: int | str, *edits: Any, sweep: dict[str, tuple[Any, ...]] | None = None) -> ForkArm:
    return ForkArm(fork="plain", at=at, edits=edits, sweep=sweep or {}, steps=BRIEF)


NORMS, TEMPERATURES = (0.5, 0.65, 0.8, 1.0), (0.2, 0.5, 2.0, 5.0)
# Block of the network -> its tensors.
BLOCKS = {
    "embedding": ("W_E", "W_pos"),
    "unembedding": ("W_U",),
    "attention": ("W_Q", "W_K", "W_V", "W_O"),
    "mlp": ("W_in", "W_out", "b_*"),
}
ARMS = {
    # The control. Its seeds share one split, so that weights can be transplanted between networks trained on the same rows. Claims
    # about the control, its forks and the transplants therefore speak of that split only.
    "plain": RootArm(experiment=PLAIN, seeds=SEEDS, data_seeds=0),
    # The norm of all weights is held at a share of the initial norm.
    "held": _forked(0, Set(knob="norm_share", to=1.0), sweep={"edits.0.to": NORMS}),
    # The same with steps of the same relative size: the learning rate falls in proportion to the norm.
    "held_slower": _forked(0, Set(knob="norm_share", to=0.65), Scale(knob="lr", by=0.65)),
    # The scale of the outputs alone: the norm is held at the initial norm, and the logits are divided by a temperature.
    "tempered": _forked(0, Set(knob="norm_share", to=1.0), Set(knob="temperature", to=1.0), sweep={"edits.1.to": TEMPERATURES}),
    # A small norm whose logits are made large again.
    "held_and_tempered": _forked(0, Set(knob="norm_share", to=0.65), Set(knob="temperature", to=0.5)),
    # Transplants: other seeds start with one block of a network of arm `plain`, and are compared with `fresh`.
    **{
        f"with_{name}": ForkArm(fork="fresh", at=0, edits=(Transplant(tensors=tensors, donor="plain"),), steps=BRIEF)
        for name, tensors in BLOCKS.items()
    },
    "fresh": RootArm(experiment=PLAIN, seeds=SEEDS, first_seed=100, data_seeds=0),
    # More training data.
    "more_data": RootArm(
        experiment=with_budget(PLAIN, 1500),
        seeds=10,
        sweep={"split.frac_train": (0.7, 0.8, 0.9, 0.95)},
    ),
    # Ordinary regularisers.
    "decay": _regularised("training.optimiser.weight_decay", (3.0, 10.0)),
    "dropout": _regularised("model.dropout", (0.1, 0.3)),
    "smoothing": _regularised("training.loss.label_smoothing", (0.1,)),
    "gradient_noise": _regularised("training.gradient_noise", (1e-3, 1e-2)),
    "weight_noise": _regularised("training.weight_noise", (0.02, 0.1)),
    "minibatch": _regularised("training.batch_size", (256,)),
    # Part of the memory is destroyed once it is complete: a block drawn anew, or all weights halved.
    "without_mlp": _forked("t_mem", ResetWeights(tensors=BLOCKS["mlp"])),
    "without_attention": _forked("t_mem", ResetWeights(tensors=BLOCKS["attention"])),
    "shrunk": _forked("t_mem", ScaleWeights(tensors=("*",), by=0.5)),
    # Random labels: what memory alone does to the norm, and whether a held norm leaves room for it.
    "memory_alone": RootArm(
        experiment=with_budget(PLAIN.swept("task", RandomLabels(of=PLAIN.task).model_dump(mode="json")), BRIEF, stop=False),
        seeds=10,
        data_seeds=0,
    ),
    "memory_held": ForkArm(fork="memory_alone", at=0, edits=(Set(knob="norm_share", to=0.8),), steps=BRIEF),
}
ROOTS = [name for name, arm in ARMS.items() if isinstance(arm, RootArm)]
FORKS = [name for name, arm in ARMS.items() if isinstance(arm, ForkArm)]


def _delay(arm: str, **where: Any) -> EventRatio:
    return EventRatio(event="t_gen", over="t_mem", arm=arm, where=where)


def _time_left(arm: str, **where: Any) -> LogRemainingTime:
    return LogRemainingTime(event="t_gen", arm=arm, against="plain", where=where)


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
CLAIMS = (
    _claim(
        "a-held-norm-takes-the-delay-away",
        "A small weight norm that is held takes the delay away.",
        _delay("held", to=0.8),
        NO_DELAY,
        DELAY,
        LIU.key,
        primary=True,
        phenomenon="held-norm",
        accounts=postdictions("R129", norm="yes", efficiency="yes"),
    ),
    # How R129 is explained: at this norm there is no room to memorise every row.
    _claim(
        "a-held-norm-keeps-memory-out",
        "At a small norm there is no room to memorise: fewer than half of the random labels fit.",
        ValueAt(series="train_acc", at="end", arm="memory_held"),
        Region(below=0.5),
        Region(above=0.95),
        VARMA.key,
        phenomenon="held-norm",
        accounts=postdictions("R130", efficiency="yes"),
    ),
    _claim(
        "flat-outputs-do-at-full-norm",
        "At full norm, flatter outputs shorten the delay too.",
        Slope(of=_delay("tempered"), along="to", log=True),
        Region(below=-1.0),
        Region(above=0.0),
        LIU.key,
        primary=True,
        phenomenon="held-norm",
        accounts={
            **postdictions("abstract: at a fixed norm the delay follows the temperature", output_scale="yes"),
            **postdictions("Figures 6 and 7: a small output scale removes the delay", lazy_to_rich="yes"),
            **inferred("the norm is the same", norm="no"),
        },
    ),
    _claim(
        "an-embedding-that-knows-takes-the-delay-away",
        "Starting with the embedding of a trained network takes the delay away.",
        _delay("with_embedding"),
        Region(below=2.0),
        DELAY,
        THREAD.key,
        primary=True,
        phenomenon="known-parts",
        accounts=postdictions("R132", efficiency="yes"),
    ),
    *(
        _claim(
            f"so-does-the-{name}",
            f"So does starting with its {name}.",
            _delay(f"with_{name}"),
            Region(below=2.0),
            DELAY,
            THREAD.key,
            phenomenon="known-parts",
        )
        for name in ("unembedding", "attention", "mlp")
    ),
    *(
        _claim(
            f"norm-held-at-{int(100 * share)}-percent",
            f"So does a norm that is held at {int(100 * share)} % of the first one.",
            _delay("held", to=share),
            NO_DELAY,
            DELAY,
            LIU.key,
            phenomenon="held-norm",
        )
        for share in (0.5, 0.65, 1.0)
    ),
    _claim(
        "a-held-norm-with-slower-steps",
        "A held norm takes the delay away even if its steps are no larger.",
        _delay("held_slower"),
        NO_DELAY,
        DELAY,
        LIU.key,
        phenomenon="held-norm",
    ),
    _claim(
        "sharper-outputs-bring-the-delay-back",
        "Sharper outputs bring the delay back at the same small norm.",
        _delay("held_and_tempered"),
        Region(above=2.0),
        NO_DELAY,
        LIU.key,
        phenomenon="held-norm",
        accounts={
            **inferred("abstract: the scale of the logits explains the delay", output_scale="yes"),
            **inferred("the norm is as small as before", norm="no"),
        },
    ),
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
        "the-delay-goes-with-more-data",
        "Trained on 95 % of the data, a network does not delay.",
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
            _delay(name, **where),
            Region(above=1.5),
            NO_DELAY,
            THREAD.key,
            phenomenon="disruptors",
            accounts=predictions("R131: a surprise if an ordinary regulariser did", efficiency="yes"),
        )
        for name, where, words in (
            ("decay", {"weight_decay": 3.0}, "more weight decay"),
            ("dropout", {"dropout": 0.1}, "dropout"),
            ("smoothing", {"label_smoothing": 0.1}, "smoothed labels"),
            ("gradient_noise", {"gradient_noise": 1e-2}, "noise on the gradients"),
            ("weight_noise", {"weight_noise": 0.1}, "noise on the weights"),
            ("minibatch", {"batch_size": 256}, "small batches"),
        )
    ),
    *(
        _claim(
            f"{claim_id}-is-sooner",
            f"Once the network has memorised, {words} makes it generalise sooner.",
            _time_left(arm),
            Region(below=-0.3),
            Region(above=0.0),
            THREAD.key,
            phenomenon="removing-memory",
            accounts={
                **predictions("R064: removing the shallow circuit speeds generalisation up", coverage="yes"),
                **inferred("R064 and the programme's section 6", efficiency="yes", norm="yes", superposition="no"),
            },
        )
        for claim_id, arm, words in (
            ("a-new-mlp", "without_mlp", "drawing its MLP anew"),
            ("new-attention", "without_attention", "drawing its attention anew"),
            ("half-of-everything", "shrunk", "shrinking all weights"),
        )
    ),
    # A run that generalises is stopped, while the memory trains for its whole budget. So its norm is also compared with that of a
    # memory after 800 steps.
    *(
        _claim(
            claim_id,
            says,
            Difference(
                of=ValueAt(series="total_norm", at="end", arm="plain"),
                against=ValueAt(series="total_norm", at=at, arm="memory_alone"),
            ),
            Region(below=0.0),
            Region(above=0.0),
            LIU.key,
            phenomenon="norm",
            accounts=postdictions("R197", norm="yes"),
        )
        for claim_id, at, says in (
            (
                "general-solutions-have-the-smaller-norm",
                "end",
                "Networks that generalise have smaller weights than those that memorise.",
            ),
            ("also-than-a-younger-memory", "0.4*end", "They also have smaller weights than a younger memory."),
        )
    ),
    _claim(
        "the-norm-falls-before-generalising",
        "Between memorising and generalising the weights shrink.",
        SeriesChange(series="total_norm", since="t_mem", until="t_gen", arm="plain"),
        Region(below=0.0),
        Region(above=0.0),
        LIU.key,
        phenomenon="norm",
        accounts=postdictions("R197", norm="yes"),
    ),
)
INTERVENED = ("plain", "held", "held_slower", "tempered", "held_and_tempered", *(f"with_{name}" for name in BLOCKS))
ORDINARY = ("plain", "decay", "dropout", "smoothing", "gradient_noise", "weight_noise", "minibatch", "more_data")
FIGURES = (
    Figure(
        title="How late is generalisation under each intervention on the norm, the outputs and the weights?",
        arms=INTERVENED,
        quantities=(_delay("plain"),),
        decides="an-embedding-that-knows-takes-the-delay-away",
    ),
    Figure(
        title="How late is generalisation under ordinary regularisers and with more data?",
        arms=ORDINARY,
        quantities=(_delay("plain"),),
    ),
    Figure(
        title="Is generalisation sooner once part of the memory is destroyed?",
        arms=("without_mlp", "without_attention", "shrunk"),
        quantities=(_time_left("shrunk"),),
    ),
    Figure(
        title="How do the accuracies rise when the norm is held?",
        arms=("plain", "held"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
    Figure(
        title="How do the accuracies rise with a transplanted embedding or MLP?",
        arms=("fresh", "with_embedding", "with_mlp"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
)
SOURCES = (LIU, VARMA, THREAD)

STUDY = Study(
    name="no_delay",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=40),
    profiles={
        "quick": Profile(
            seeds=2,
            pilot=True,
            assign={
                **{
                    f"arms.{name}.experiment.{path}": value
                    for name in ROOTS
                    for path, value in (EARLY_PILOT | {"training.steps": 120}).items()
                },
                **{f"arms.{name}.experiment.task.p": 23 for name in ROOTS if name != "memory_alone"},
                "arms.memory_alone.experiment.task.of.p": 23,
                **{f"arms.{name}.at": 60 for name in ("without_mlp", "without_attention", "shrunk")},
                **{f"arms.{name}.steps": 60 for name in FORKS},
                "arms.more_data.sweep": {"split.frac_train": [0.95]},  # each number of rows is one more program to compile
            },
        ),
    },
)
