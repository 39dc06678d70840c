"""The missing delay: which interventions make a network generalise as soon as it memorises, and whether they do what is said of them.

Holding the norm also holds the scale of the logits and, with Adam's steps of fixed size, the relative step; each is varied apart
(arXiv 2606.18465 on the scale of the outputs). Transplants take blocks of a network that has generalised on the same rows.
"""

from typing import Any

from epicycle.claims.quantities import EventRatio, SeriesChange, ValueAt
from epicycle.claims.statistics import Difference, LogRemainingTime, Slope
from epicycle.edits.knobs import Scale, Set
from epicycle.edits.parameters import ResetWeights, ScaleWeights, Transplant
from epicycle.literature.texts import LIU, THREAD, VARMA
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Prediction, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import Split
from epicycle.studies.settings import EARLY_PILOT, NO_NORM, training
from epicycle.tasks.derived import RandomLabels
from epicycle.tasks.modular import Modular

QUESTION = "What takes the delay away: a small norm, flat outputs, parts that know, more data, or any regulariser?"
P, STEPS = 59, 3000
PLAIN = Experiment(task=Modular(p=P, operation="x-y"), split=Split(frac_train=0.6), model=NO_NORM, training=training(STEPS))
# Interventions that do not work would train for the whole budget of the control.
BRIEF = 2000


def _regularised(field: str, values: tuple[Any, ...]) -> RootArm:
    brief = PLAIN.swept("training", training(BRIEF).model_dump(mode="json"))
    return RootArm(experiment=brief.swept(field, values[0]), seeds=6, sweep={field: values})


def _from_start(*edits: Any, sweep: dict[str, tuple[Any, ...]] | None = None) -> ForkArm:
    return ForkArm(fork="plain", at=0, edits=edits, sweep=sweep or {}, steps=BRIEF)


NORMS, TEMPERATURES = (0.5, 0.65, 0.8, 1.0), (0.2, 0.5, 2.0, 5.0)
BLOCKS = {
    "embedding": ("W_E", "W_pos"),
    "unembedding": ("W_U",),
    "attention": ("W_Q", "W_K", "W_V", "W_O"),
    "mlp": ("W_in", "W_out", "b_*"),
}
ARMS = {
    "plain": RootArm(experiment=PLAIN, seeds=6, data_seeds=0),
    "held": _from_start(Set(knob="norm_share", to=1.0), sweep={"edits.0.to": NORMS}),
    # The same with steps of the same relative size: lr in proportion to the norm.
    "held_slower": _from_start(Set(knob="norm_share", to=0.65), Scale(knob="lr", by=0.65)),
    "tempered": _from_start(Set(knob="norm_share", to=1.0), Set(knob="temperature", to=1.0), sweep={"edits.1.to": TEMPERATURES}),
    "held_and_tempered": _from_start(Set(knob="norm_share", to=0.65), Set(knob="temperature", to=0.5)),
    **{
        f"with_{name}": ForkArm(fork="fresh", at=0, edits=(Transplant(tensors=tensors, donor="plain"),), steps=BRIEF)
        for name, tensors in BLOCKS.items()
    },
    "fresh": RootArm(
        experiment=PLAIN.swept("training", training(STEPS).model_dump(mode="json")), seeds=6, first_seed=100, data_seeds=0
    ),
    "more_data": RootArm(
        experiment=PLAIN.swept("training", training(1500).model_dump(mode="json")),
        seeds=6,
        sweep={"split.frac_train": (0.7, 0.8, 0.9, 0.95)},
    ),
    "decay": _regularised("training.optimiser.weight_decay", (3.0, 10.0)),
    "dropout": _regularised("model.dropout", (0.1, 0.3)),
    "smoothing": _regularised("training.loss.label_smoothing", (0.1,)),
    "gradient_noise": _regularised("training.gradient_noise", (1e-3, 1e-2)),
    "weight_noise": _regularised("training.weight_noise", (0.02, 0.1)),
    "minibatch": _regularised("training.batch_size", (256,)),
    "without_mlp": ForkArm(fork="plain", at="t_mem", edits=(ResetWeights(tensors=BLOCKS["mlp"]),), steps=BRIEF),
    "without_attention": ForkArm(fork="plain", at="t_mem", edits=(ResetWeights(tensors=BLOCKS["attention"]),), steps=BRIEF),
    "shrunk": ForkArm(fork="plain", at="t_mem", edits=(ScaleWeights(tensors=("*",), by=0.5),), steps=BRIEF),
    "memory_alone": RootArm(
        experiment=PLAIN.swept("task", RandomLabels(of=PLAIN.task).model_dump(mode="json")).swept(
            "training", training(BRIEF, stop=False).model_dump(mode="json")
        ),
        seeds=6,
        data_seeds=0,
    ),
    "memory_held": ForkArm(fork="memory_alone", at=0, edits=(Set(knob="norm_share", to=0.8),), steps=BRIEF),
}


def _delay(arm: str, **where: Any) -> EventRatio:
    return EventRatio(event="t_gen", over="t_mem", arm=arm, where=where)


def _left(arm: str, **where: Any) -> LogRemainingTime:
    return LogRemainingTime(event="t_gen", arm=arm, against="plain", where=where)


def _says(locator: str, **said: str) -> dict[str, Prediction]:
    return {name: Prediction.parse({"says": value, "timing": "postdiction", "locator": locator}) for name, value in said.items()}


def _claim(
    claim_id: str, statistic: Any, supported: Region, refuted: Region, source: str, primary: bool = False, **more: Any
) -> Claim:
    return Claim(
        id=claim_id, statistic=statistic, supported_if=supported, refuted_if=refuted, primary=primary, sources=(source,), **more
    )


NONE, SOME = Region(below=1.5), Region(above=5.0)
CLAIMS = (
    _claim(
        "a-held-norm-takes-the-delay-away",
        _delay("held", to=0.8),
        NONE,
        SOME,
        LIU.key,
        primary=True,
        accounts=_says("R129", norm="yes", efficiency="yes"),
    ),
    # The reading of R129: held so, there is no room for a memory of every row.
    _claim(
        "a-held-norm-keeps-memory-out",
        ValueAt(series="train_acc", at="end", arm="memory_held"),
        Region(below=0.5),
        Region(above=0.95),
        VARMA.key,
        accounts=_says("R130", efficiency="yes"),
    ),
    _claim(
        "flat-outputs-do-at-full-norm",
        Slope(of=_delay("tempered"), along="to", log=True),
        Region(below=-1.0),
        Region(above=0.0),
        LIU.key,
        primary=True,
    ),
    _claim(
        "an-embedding-that-knows-takes-the-delay-away",
        _delay("with_embedding"),
        Region(below=2.0),
        SOME,
        THREAD.key,
        primary=True,
        accounts=_says("R132", efficiency="yes"),
    ),
    *(
        _claim(f"so-does-the-{name}", _delay(f"with_{name}"), Region(below=2.0), SOME, THREAD.key)
        for name in ("unembedding", "attention", "mlp")
    ),
    *(_claim(f"norm-held-at-{int(100 * share)}-percent", _delay("held", to=share), NONE, SOME, LIU.key) for share in (0.5, 0.65, 1.0)),
    _claim("a-held-norm-with-slower-steps", _delay("held_slower"), NONE, SOME, LIU.key),
    _claim("sharper-outputs-bring-the-delay-back", _delay("held_and_tempered"), Region(above=2.0), NONE, LIU.key),
    _claim("plain-networks-are-late", _delay("plain"), Region(above=5.0), Region(below=2.0), LIU.key),
    _claim(
        "the-delay-goes-with-more-data",
        _delay("more_data", frac_train=0.95),
        NONE,
        SOME,
        THREAD.key,
        accounts=_says("R134", efficiency="yes"),
    ),
    *(
        _claim(f"no-{name.replace('_', '-')}-does", _delay(name, **where), Region(above=1.5), NONE, THREAD.key)
        for name, where in (
            ("decay", {"weight_decay": 3.0}),
            ("dropout", {"dropout": 0.1}),
            ("smoothing", {"label_smoothing": 0.1}),
            ("gradient_noise", {"gradient_noise": 1e-2}),
            ("weight_noise", {"weight_noise": 0.1}),
            ("minibatch", {"batch_size": 256}),
        )
    ),
    *(
        _claim(
            f"{claim_id}-is-sooner",
            _left(arm),
            Region(below=-0.3),
            Region(above=0.0),
            THREAD.key,
            accounts=_says("R064: removing the shallow circuit speeds generalisation up", coverage="yes", superposition="no"),
        )
        for claim_id, arm in (("a-new-mlp", "without_mlp"), ("new-attention", "without_attention"), ("half-of-everything", "shrunk"))
    ),
    # Runs that generalise end by themselves, the others with the budget; so also against a memory that was trained for 800 steps only.
    *(
        _claim(
            claim_id,
            Difference(
                of=ValueAt(series="total_norm", at="end", arm="plain"),
                against=ValueAt(series="total_norm", at=at, arm="memory_alone"),
            ),
            Region(below=0.0),
            Region(above=0.0),
            LIU.key,
            accounts=_says("R197", norm="yes"),
        )
        for claim_id, at in (("general-solutions-have-the-smaller-norm", "end"), ("also-than-a-younger-memory", "0.4*end"))
    ),
    _claim(
        "the-norm-falls-before-generalising",
        SeriesChange(series="total_norm", since="t_mem", until="t_gen", arm="plain"),
        Region(below=0.0),
        Region(above=0.0),
        LIU.key,
        accounts=_says("R197", norm="yes"),
    ),
)
INTERVENED = ("plain", "held", "held_slower", "tempered", "held_and_tempered", *(f"with_{name}" for name in BLOCKS))
ORDINARY = ("plain", "decay", "dropout", "smoothing", "gradient_noise", "weight_noise", "minibatch", "more_data")
FIGURES = (
    Figure(
        title="How late is generalisation under each intervention?",
        arms=INTERVENED,
        quantities=(_delay("plain"),),
        decides="an-embedding-that-knows-takes-the-delay-away",
    ),
    Figure(title="And under ordinary regularisers, and with more data?", arms=ORDINARY, quantities=(_delay("plain"),)),
    Figure(
        title="Is it sooner once what memorised is gone?",
        arms=("without_mlp", "without_attention", "shrunk"),
        quantities=(_left("shrunk"),),
    ),
    Figure(title="What does a held norm do?", arms=("plain", "held"), series=("train_acc", "test_acc"), events=("t_mem", "t_gen")),
    Figure(
        title="And parts of a network that knows?",
        arms=("fresh", "with_embedding", "with_mlp"),
        series=("train_acc", "test_acc"),
        events=("t_mem", "t_gen"),
    ),
)
SOURCES = (LIU, VARMA, THREAD)
ROOTS = [name for name, arm in ARMS.items() if isinstance(arm, RootArm)]
FORKS = [name for name, arm in ARMS.items() if isinstance(arm, ForkArm)]

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
                "arms.more_data.sweep": {"split.frac_train": [0.95]},  # a program less to compile for each number of rows
            },
        ),
        "hour": Profile(),
        "full": Profile(seeds=20, assign={f"arms.{name}.experiment.training.steps": 20_000 for name in ROOTS}),
    },
)
