"""What a random split gives away: as x + y = y + x, a held-out pair (x, y) has the answer of its mirror (y, x), often a trained row.

If a network uses nothing but the mirror, its test accuracy at memorisation equals the share of test pairs whose mirror is trained on.
That share is about the train fraction. Two controls take the mirror away: differences have none with the same answer, and
mirror-closed splits hold out both pairs or neither. A third leaves nothing but the mirror: a random commutative table. Rows with x = y
are their own mirrors and are left out.
"""

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme, ValueAt
from epicycle.claims.slopes import Slope
from epicycle.events.detectors import Onset
from epicycle.literature.texts import POWER, THREAD
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Prediction, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.observation import Observation
from epicycle.spec.registry import load_preset as preset
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import MirrorClosedSplit, MirrorForcedSplit, Split
from epicycle.studies.settings import NO_NORM, PILOT, UNTIL_GENERAL, inferred, postdictions, predictions, training, with_budget
from epicycle.tasks.derived import WithoutDiagonal
from epicycle.tasks.modular import Modular
from epicycle.tasks.random_tables import RandomTable

QUESTION = "How much of what looks like early generalisation comes from mirrored pairs in the training set?"
P = 59
SUMS = Experiment(
    task=WithoutDiagonal(of=Modular(p=P, operation="x+y")),
    split=Split(frac_train=0.4),
    model=NO_NORM,
    training=training(4000),
)
CLOSED = MirrorClosedSplit(frac_train=0.4).model_dump(mode="json")
TABLE = SUMS.swept("task", WithoutDiagonal(of=RandomTable(n=P, commutative=True)).model_dump(mode="json"))
BRIEF = 400  # steps: long enough to memorise


def _brief(experiment: Experiment) -> Experiment:
    return with_budget(experiment, BRIEF, stop=False)


ARMS = {
    # Sums, whose mirrored pairs have the same answer: on a random split, on one that keeps mirrors together, and on one that trains on
    # the mirror of every held-out pair.
    "sums": RootArm(experiment=SUMS, seeds=10),
    "sums_closed": RootArm(experiment=SUMS.swept("split", CLOSED), seeds=10),
    "sums_forced": RootArm(experiment=_brief(SUMS.swept("split", MirrorForcedSplit().model_dump(mode="json"))), seeds=10),
    # Differences: the mirrored pair has another answer.
    "differences": RootArm(experiment=_brief(SUMS.swept("task.of.operation", "x-y")), seeds=10),
    # Random commutative tables: the mirror is all that can be used, and on a closed split nothing can.
    "table": RootArm(experiment=with_budget(TABLE, 1500, stop=False), seeds=10),
    "table_closed": RootArm(experiment=_brief(TABLE.swept("split", CLOSED)), seeds=10),
    # Does accuracy at memorisation follow the train fraction?
    "fractions": RootArm(experiment=_brief(SUMS), seeds=10, sweep={"split.frac_train": (0.2, 0.3, 0.4, 0.5, 0.6)}),
    # Sums with the rows x = y, for the first figure.
    "with_diagonal": RootArm(experiment=_brief(SUMS.swept("task", Modular(p=P, operation="x+y").model_dump(mode="json"))), seeds=10),
    # The network of the debate (R007), as its author's code has it.
    "lieberum": RootArm(
        experiment=preset("LI").experiment.swept("training.steps", 3000).swept("training.stop", UNTIL_GENERAL.model_dump(mode="json")),
        seeds=10,
    ),
}


def _above_mirror_share(arm: str, **where: float) -> ValueAt:
    return ValueAt(series="test_acc", at="t_mem", minus="mirror_share", arm=arm, where=where)


def _early(claim_id: str, says: str, arm: str, accounts: dict[str, Prediction], primary: bool = False) -> Claim:
    return Claim(
        id=claim_id,
        says=says,
        statistic=ValueAt(series="test_acc", at="t_mem", minus="baseline", arm=arm),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.15),
        primary=primary,
        phenomenon="mirror",
        accounts=accounts,
        sources=("thread2022",),
    )


CLAIMS = (
    Claim(
        id="mirrored-pairs-are-right-at-once",
        says="A held-out pair whose mirror was trained on is right as soon as the network has memorised.",
        statistic=ValueAt(series="test_acc_mirror_seen", at="t_mem", arm="sums"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        phenomenon="mirror",
        accounts=postdictions("R092: what commutativity alone gives", mirrored_pairs="yes"),
        sources=("thread2022",),
    ),
    Claim(
        id="other-pairs-stay-at-chance",
        says="Pairs whose mirror was not trained on are still guesses then.",
        statistic=ValueAt(series="test_acc_mirror_unseen", at="t_mem", minus="baseline", arm="sums"),
        supported_if=Region(below=0.1),
        refuted_if=Region(above=0.3),
        phenomenon="mirror",
        accounts={**postdictions("R092", mirrored_pairs="yes"), **inferred("R092: other pairs are as easy", simple_task="no")},
        sources=("thread2022",),
    ),
    Claim(
        id="plateau-is-the-share-of-mirrors",
        says="The early test accuracy is just the share of mirrored pairs.",
        statistic=_above_mirror_share("sums"),
        supported_if=Region(above=-0.05, below=0.05),
        refuted_if=Region(below=-0.2),
        phenomenon="mirror",
        accounts=postdictions("R092", mirrored_pairs="yes"),
        sources=("thread2022",),
    ),
    *(
        Claim(
            id=f"plateau-at-{int(100 * fraction)}-percent",
            says=f"Trained on {int(100 * fraction)} % of the data, it is the share of mirrored pairs too.",
            statistic=_above_mirror_share("fractions", frac_train=fraction),
            supported_if=Region(above=-0.05, below=0.05),
            refuted_if=Region(below=-0.2),
            primary=False,
            phenomenon="mirror",
            accounts=inferred("R092: the share of test pairs whose mirror is trained on", mirrored_pairs="yes"),
            sources=("thread2022",),
        )
        for fraction in (0.2, 0.3, 0.4, 0.5, 0.6)
    ),
    Claim(
        id="plateau-grows-with-the-fraction",
        says="The early test accuracy grows in step with the share of training data.",
        statistic=Slope(of=ValueAt(series="test_acc", at="t_mem", arm="fractions"), along="frac_train", per=0.1),
        supported_if=Region(above=0.8, below=1.2),
        refuted_if=Region(below=0.3),
        primary=False,
        phenomenon="mirror",
        accounts=inferred("R092: the share of mirrored pairs is the train fraction", mirrored_pairs="yes"),
        sources=("thread2022",),
    ),
    _early(
        "no-early-rise-for-differences",
        "Differences, whose mirrors have other answers, are still guesses at memorisation.",
        "differences",
        predictions("R093: asks for such a run", mirrored_pairs="yes"),
    ),
    _early(
        "no-early-rise-on-a-closed-split",
        "Sums whose mirrors are held out as well are still guesses at memorisation.",
        "sums_closed",
        {
            **inferred("R092: no mirror is trained on", mirrored_pairs="yes"),
            **inferred("R092: the sums are as easy as before", simple_task="no"),
        },
    ),
    _early(
        "no-early-rise-on-a-closed-random-table",
        "So are the entries of a random table whose mirrors are held out as well.",
        "table_closed",
        inferred("R092: no mirror is trained on", mirrored_pairs="yes"),
    ),
    Claim(
        id="a-random-table-has-only-its-mirrors",
        says="In a random commutative table a network also gets mirrored pairs right.",
        statistic=ValueAt(series="test_acc_mirror_seen", at="end", arm="table"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        primary=False,
        phenomenon="mirror",
        accounts=inferred("R092: the mirror is all that can be used", mirrored_pairs="yes"),
    ),
    Claim(
        id="a-random-table-never-generalises",
        says="In a random table a network learns nothing but the mirrors.",
        statistic=Extreme(series="test_acc_mirror_unseen", which="max", above_baseline=True, arm="table"),
        supported_if=Region(below=0.05),
        refuted_if=Region(above=0.1),
        primary=False,
        phenomenon="mirror",
    ),
    Claim(
        id="a-forced-leak-is-complete",
        says="If the mirror of every held-out pair is trained on, most held-out pairs are right at memorisation.",
        statistic=ValueAt(series="test_acc", at="t_mem", arm="sums_forced"),
        supported_if=Region(above=0.8),
        refuted_if=Region(below=0.5),
        primary=False,
        phenomenon="mirror",
        accounts=inferred("R092: each test pair has its mirror in training", mirrored_pairs="yes"),
    ),
    Claim(
        id="naive-onset-is-three-times-too-early",
        says="Counting mirrored pairs puts the onset more than three times too early.",
        statistic=EventRatio(event="t_on", over="naive onset", over_detector=Onset(of="test_acc"), arm="sums"),
        supported_if=Region(above=3.0),
        refuted_if=Region(below=1.2),
        primary=False,
        phenomenon="mirror",
        accounts={
            **postdictions("R073: the onset is moved from step 300 to 1500", mirrored_pairs="yes"),
            **inferred("R073: the onset is at step 300", simple_task="no"),
        },
        sources=("thread2022",),
    ),
    Claim(
        id="onset-follows-memorisation",
        says="Real generalisation sets in after memorising.",
        statistic=EventRatio(event="t_on", over="t_mem", arm="sums"),
        supported_if=Region(above=1.0),
        refuted_if=Region(below=1.0),
        primary=False,
        phenomenon="mirror",
        accounts={
            **postdictions("R073: the onset is moved from step 300 to 1500", mirrored_pairs="yes"),
            **inferred("R073: the onset is before memorisation", simple_task="no"),
        },
        sources=("thread2022",),
    ),
    Claim(
        id="closing-the-split-delays-generalisation",
        says="Keeping mirrored pairs together makes a network generalise later.",
        statistic=Difference(
            of=EventTime(event="t_gen", unit="log", arm="sums_closed"), against=EventTime(event="t_gen", unit="log", arm="sums")
        ),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=-0.1),
        primary=False,
        phenomenon="mirror",
    ),
    Claim(
        id="lieberum-generalises-near-step-2000",
        says="The network of the debate generalises between step 1,000 and step 4,000.",
        statistic=EventTime(event="t_gen", arm="lieberum"),
        supported_if=Region(above=1000, below=4000),
        refuted_if=Region(above=10_000),
        primary=False,
        phenomenon="delay",
        sources=("thread2022",),
    ),
    Claim(
        id="lieberum-memorises-near-step-500",
        says="The network of the debate memorises between step 250 and step 1,000.",
        statistic=EventTime(event="t_mem", arm="lieberum"),
        supported_if=Region(above=250, below=1000),
        refuted_if=Region(above=2500),
        primary=False,
        phenomenon="delay",
        sources=("thread2022",),
    ),
)

BY_MIRROR = ("train_acc", "test_acc_mirror_seen", "test_acc_mirror_unseen")
FIGURES = (
    Figure(
        title="When are held-out pairs right if their mirror is trained on, and when if it is not?",
        arms=("sums", "table", "with_diagonal"),
        series=BY_MIRROR,
        events=("t_mem", "t_on"),
        decides="mirrored-pairs-are-right-at-once",
    ),
    Figure(
        title="Does test accuracy at memorisation equal the share of mirrored pairs?",
        arms=("fractions",),
        quantities=(
            ValueAt(series="test_acc", at="t_mem", arm="fractions"),
            ValueAt(series="test_acc_mirror_seen", at="t_mem", arm="fractions"),
            ValueAt(series="test_acc_mirror_unseen", at="t_mem", arm="fractions"),
        ),
        along="frac_train",
    ),
    Figure(
        title="Does test accuracy rise early when no mirror is trained on?",
        arms=("differences", "sums_closed", "table_closed"),
        series=("train_acc", "test_acc"),
    ),
    Figure(
        title="When does the network of the debate get mirrored pairs and other pairs right?",
        arms=("lieberum",),
        series=BY_MIRROR,
        events=("t_mem", "t_on", "t_gen"),
    ),
)
SOURCES = (THREAD, POWER)

STUDY = Study(
    name="mirror",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=30),
    profiles={
        "quick": Profile(
            seeds=6,
            pilot=True,
            assign={
                **{f"arms.{name}.training.steps": 100 for name in ARMS if name != "lieberum"},
                **{f"arms.{name}.{path}": value for name in ARMS for path, value in PILOT.items()},
                **{f"arms.{name}.task.of.p": 31 for name in ("sums", "sums_closed", "sums_forced", "differences", "fractions")},
                **{f"arms.{name}.task.of.n": 31 for name in ("table", "table_closed")},
                "arms.with_diagonal.task.p": 31,
                "arms.fractions.sweep": {"split.frac_train": [0.2, 0.3, 0.4, 0.5, 0.6]},
                # Small enough to memorise within the two minutes of a pilot.
                "arms.lieberum.model.n_layers": 1,
                "arms.lieberum.training.batch_size": 256,
                "arms.lieberum.task.p": 31,
                "arms.lieberum.training.steps": 60,
            },
        ),
    },
)
