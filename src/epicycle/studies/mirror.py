"""What a random split gives away: as x + y = y + x, a held-out pair (x, y) has the answer of its mirror (y, x), often a trained row.

A network that uses nothing but the mirror has a test accuracy, at memorisation, that equals the share of test pairs whose mirror is
trained on. That share is about the train fraction. Whether a network uses the mirror depends on the network, so there are two. The fly
puts the embeddings of its operands side by side, and nothing makes it treat (x, y) and (y, x) alike. The symmetric network adds them
up, so (x, y) and (y, x) always have one answer. On the mouse both are transformers, and the symmetric one attends to both operands
alike (attention rate 0).

Controls take the mirror away. Differences, quotients and a group have none with the same answer. Mirror-closed splits hold out both
pairs or neither. A random commutative table leaves nothing but the mirror. Rows with x = y are their own mirrors and are left out.
"""

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme, ValueAt
from epicycle.claims.slopes import Slope
from epicycle.events.detectors import Onset
from epicycle.literature.texts import POWER, THREAD
from epicycle.models.mlp import MLP
from epicycle.spec.arms import RootArm
from epicycle.spec.claim import Claim, Prediction, Region
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Statistic
from epicycle.spec.observation import Observation
from epicycle.spec.registry import load_preset as preset
from epicycle.spec.study import Figure, Profile, Study
from epicycle.splits.drawn import MirrorClosedSplit, MirrorForcedSplit
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.organisms import FLIES, FLY, GROUP, MICE, MOUSE, ON_MOUSE, QUOTIENT, UNTIL_GENERAL, P, fly
from epicycle.tasks.derived import WithoutDiagonal
from epicycle.tasks.modular import Modular
from epicycle.tasks.random_tables import RandomTable

QUESTION = "How much of what looks like early generalisation comes from mirrored pairs in the training set?"
BRIEF, BRIEF_MOUSE = 150, 400  # steps: long enough to memorise
FRACTIONS = (0.3, 0.4, 0.5, 0.6, 0.7)


def _with_split(experiment: Experiment, split: MirrorClosedSplit | MirrorForcedSplit) -> Experiment:
    return experiment.swept("split", split.model_dump(mode="json"))


def _whole(experiment: Experiment) -> Experiment:
    """For claims about the end of the budget."""
    return experiment.swept("training.stop", None)


def _brief(experiment: Experiment) -> Experiment:
    """For claims about memorisation."""
    return _whole(experiment).swept("training.steps", BRIEF)


SUMS = fly(WithoutDiagonal(of=Modular(p=P, operation="x+y")))
TABLE = WithoutDiagonal(of=RandomTable(n=P, commutative=True)).model_dump(mode="json")
SYMMETRIC = MLP(d_model=64, d_mlp=128, combine="sum").model_dump(mode="json")
CLOSED, FORCED = MirrorClosedSplit(frac_train=0.6), MirrorForcedSplit()
ON_FLY = {
    # Sums on a random split, on one that keeps mirrors together, and on one that trains on the mirror of every held-out pair.
    "sums": SUMS,
    "sums_closed": _with_split(SUMS, CLOSED),
    "sums_forced": _brief(_with_split(SUMS, FORCED)),
    # Random commutative tables, in which the mirror is all that can be used.
    "table": _whole(SUMS.swept("task", TABLE)),
}
SYMMETRIC_ARMS = {f"symmetric_{name}": experiment.swept("model", SYMMETRIC) for name, experiment in ON_FLY.items()}
ARMS = {
    **{name: RootArm(experiment=experiment, seeds=FLIES) for name, experiment in (ON_FLY | SYMMETRIC_ARMS).items()},
    # Does accuracy at memorisation follow the train fraction?
    "fractions": RootArm(experiment=_brief(SYMMETRIC_ARMS["symmetric_sums"]), seeds=FLIES, sweep={"split.frac_train": FRACTIONS}),
    # No mirrored pair has the same answer: differences, quotients and the group S4 (in which few pairs commute).
    "differences": RootArm(experiment=_brief(FLY), seeds=FLIES),
    "quotients": RootArm(experiment=_brief(QUOTIENT), seeds=FLIES),
    "group": RootArm(experiment=_brief(GROUP), seeds=FLIES),
}
# `--organism canon` trains the network of the debate (R007) instead, as its author's code has it.
DEBATE = {
    "sums": RootArm(
        experiment=preset("LI").experiment.swept("training.steps", 3000).swept("training.stop", UNTIL_GENERAL.model_dump(mode="json")),
        seeds=8,
    )
}


Accounts = dict[str, Prediction]
HIGH, LOW = Region(above=0.8), Region(below=0.5)  # R092: mirrored pairs are right


def _claim(
    claim_id: str,
    says: str,
    statistic: Statistic,
    regions: tuple[Region, Region],
    accounts: Accounts | None = None,
    primary: bool = False,
) -> Claim:
    """A claim of the debate; `regions` are those of support and of refutation."""
    return Claim(
        id=claim_id,
        says=says,
        statistic=statistic,
        supported_if=regions[0],
        refuted_if=regions[1],
        primary=primary,
        phenomenon="mirror",
        accounts=accounts or {},
        sources=("thread2022",),
    )


def _early(claim_id: str, says: str, arm: str, accounts: Accounts) -> Claim:
    """No early rise (R093): test accuracy is at chance at memorisation."""
    statistic = ValueAt(series="test_acc", at="t_mem", minus="baseline", arm=arm)
    return _claim(f"no-early-rise-{claim_id}", says, statistic, (Region(below=0.05), Region(above=0.15)), accounts)


def _right_at_once(prefix: str, whose: str, arm: str) -> Claim:
    return _claim(
        f"{prefix}mirrored-pairs-are-right-at-once",
        f"As soon as {whose} has memorised, it is right on the held-out pairs whose mirror was trained on.",
        ValueAt(series="test_acc_mirror_seen", at="t_mem", arm=arm),
        (HIGH, LOW),
        inferred("R092: what one gets from commutativity alone; of a transformer", mirrored_pairs="yes"),
        primary=not prefix,
    )


def _others_at_chance(prefix: str, whose: str, arm: str) -> Claim:
    return _claim(
        f"{prefix}other-pairs-stay-at-chance",
        f"When {whose} has memorised, it still guesses on the pairs whose mirror was not trained on.",
        ValueAt(series="test_acc_mirror_unseen", at="t_mem", minus="baseline", arm=arm),
        (Region(below=0.1), Region(above=0.3)),
        {**postdictions("R092", mirrored_pairs="yes"), **inferred("R092: other pairs are as easy", simple_task="no")},
        primary=bool(prefix),
    )


def _plateau(prefix: str, whose: str, arm: str) -> Claim:
    return _claim(
        f"{prefix}plateau-is-the-share-of-mirrors",
        f"The early test accuracy of {whose} is just the share of mirrored pairs.",
        ValueAt(series="test_acc", at="t_mem", minus="mirror_share", arm=arm),
        (Region(above=-0.05, below=0.05), Region(below=-0.2)),
        inferred("R092: almost 0.5 at a train fraction of 0.5; of a transformer", mirrored_pairs="yes"),
        primary=bool(prefix),
    )


def _onsets(prefix: str, whose: str, arm: str) -> tuple[Claim, ...]:
    """R073: where the onset lies if mirrored pairs do not count."""
    stated, inference = "R073: the onset is moved from step 300 to 1500", "R073: the onset is at step 300, before memorisation"
    accounts = {**postdictions(stated, mirrored_pairs="yes"), **inferred(inference, simple_task="no")}
    return (
        _claim(
            f"{prefix}naive-onset-is-three-times-too-early",
            f"If mirrored pairs count, {whose} seems to begin to generalise more than three times too early.",
            EventRatio(event="t_on", over="naive onset", over_detector=Onset(of="test_acc"), arm=arm),
            (Region(above=3.0), Region(below=1.2)),
            accounts,
        ),
        _claim(
            f"{prefix}onset-follows-memorisation",
            f"If mirrored pairs do not count, {whose} begins to generalise after it has memorised.",
            EventRatio(event="t_on", over="t_mem", arm=arm),
            (Region(above=1.0), Region(below=1.0)),
            accounts,
        ),
    )


def _controls(prefix: str, whose: str) -> tuple[Claim, ...]:
    """A split without mirrors, one with all of them, and a table that has nothing else."""
    sums, closed, forced, table = (f"{prefix.replace('-', '_')}{name}" for name in ON_FLY)
    log_t_gen = EventTime(event="t_gen", unit="log", arm=closed)
    return (
        _early(
            f"on-a-closed-split{'-in-a-symmetric-network' if prefix else ''}",
            f"If the mirrors of held-out sums are held out as well, {whose} that has memorised still guesses.",
            closed,
            inferred("R092: no mirror is trained on, but the sums are as easy", mirrored_pairs="yes", simple_task="no"),
        ),
        _claim(
            f"{prefix}closing-the-split-delays-generalisation",
            f"Holding out mirrored pairs together makes {whose} generalise later.",
            Difference(of=log_t_gen, against=log_t_gen.model_copy(update={"arm": sums})),
            (Region(above=0.1), Region(below=-0.1)),
        ),
        _claim(
            f"{prefix}forced-leak-is-complete",
            f"If the mirror of every held-out pair is trained on, {whose} that has memorised gets most held-out pairs right.",
            ValueAt(series="test_acc", at="t_mem", arm=forced),
            (HIGH, LOW),
            inferred("R092: each test pair has its mirror in training", mirrored_pairs="yes"),
        ),
        _claim(
            f"{prefix}random-table-has-its-mirrors",
            f"In a random commutative table {whose} gets mirrored pairs right in the end.",
            ValueAt(series="test_acc_mirror_seen", at="end", arm=table),
            (HIGH, LOW),
            inferred("R092: the mirror is all that can be used", mirrored_pairs="yes"),
        ),
    )


def _of_network(prefix: str, whose: str, arm: str) -> tuple[Claim, ...]:
    of_debate = [claim(prefix, whose, arm) for claim in (_right_at_once, _others_at_chance, _plateau)]
    return (*of_debate, *_onsets(prefix, whose, arm), *_controls(prefix, whose))


CLAIMS = (
    *_of_network("", "a network", "sums"),
    *_of_network("symmetric-", "a symmetric network", "symmetric_sums"),
    _early(
        "for-sums",
        "Even for sums, a network that has memorised still guesses.",
        "sums",
        inferred("R092: the rise overlaps that of training accuracy", mirrored_pairs="no", simple_task="no"),
    ),
    *(
        _early(f"for-{task}", says, arm, predictions("R093: asks for such a run", mirrored_pairs="yes"))
        for task, arm, says in (
            ("differences", "differences", "Differences, whose mirrors have other answers, are still guesses at memorisation."),
            ("quotients", "quotients", "Quotients, whose mirrors have other answers, are still guesses at memorisation."),
            ("a-group", "group", "Products of permutations, of which few commute, are still guesses at memorisation."),
        )
    ),
    _claim(
        "symmetric-plateau-grows-with-the-fraction",
        "The early test accuracy of a symmetric network grows in step with the share of training data.",
        Slope(of=ValueAt(series="test_acc", at="t_mem", arm="fractions"), along="frac_train", per=0.1),
        (Region(above=0.8, below=1.2), Region(below=0.3)),
        inferred("R092: the share of mirrored pairs is the train fraction", mirrored_pairs="yes"),
    ),
    _claim(
        "symmetric-random-table-has-nothing-else",
        "In a random commutative table a symmetric network learns nothing but the mirrors.",
        Extreme(series="test_acc_mirror_unseen", which="max", above_baseline=True, arm="symmetric_table"),
        (Region(below=0.05), Region(above=0.1)),
        inferred("R092: the mirror is all that can be used", mirrored_pairs="yes"),
    ),
)


def _near_step(event: str, does: str, low: int, high: int, too_late: int) -> Claim:
    """R007: when the network of the debate should reach an event."""
    return Claim(
        id=f"{does}-near-step-{2 * low}",
        says=f"The network of the debate {does} between step {low:,} and step {high:,}.",
        statistic=EventTime(event=event, arm="sums"),
        supported_if=Region(above=low, below=high),
        refuted_if=Region(above=too_late),
        primary=False,
        phenomenon="delay",
        sources=("thread2022",),
    )


CLAIMS_OF_DEBATE = (
    *(claim("", "the network of the debate", "sums") for claim in (_right_at_once, _others_at_chance, _plateau)),
    *_onsets("", "the network of the debate", "sums"),
    _near_step("t_mem", "memorises", 250, 1000, 2500),
    _near_step("t_gen", "generalises", 1000, 4000, 10_000),
)

BY_MIRROR = ("train_acc", "test_acc_mirror_seen", "test_acc_mirror_unseen")


def _deciding_figure(*arms: str) -> Figure:
    return Figure(
        title="When are held-out pairs right if their mirror is trained on, and when if it is not?",
        arms=arms,
        series=BY_MIRROR,
        events=("t_mem", "t_on", "t_gen"),
        decides="mirrored-pairs-are-right-at-once",
    )


FIGURES = (
    _deciding_figure("sums", "symmetric_sums"),
    Figure(
        title="How much of the held-out pairs is right at memorisation?",
        arms=("sums", "sums_closed", "sums_forced", "symmetric_sums", "symmetric_sums_closed", "symmetric_sums_forced"),
        quantities=(ValueAt(series="test_acc", at="t_mem", arm="sums"),),
    ),
    Figure(
        title="Does test accuracy of a symmetric network at memorisation equal the share of mirrored pairs?",
        arms=("fractions",),
        quantities=tuple(
            ValueAt(series=f"test_acc{part}", at="t_mem", arm="fractions") for part in ("", "_mirror_seen", "_mirror_unseen")
        ),
        along="frac_train",
    ),
    Figure(
        title="In a random table, are held-out pairs ever right?",
        arms=("table", "symmetric_table"),
        series=BY_MIRROR,
    ),
    Figure(
        title="Does test accuracy rise early where mirrored pairs have other answers?",
        arms=("differences", "quotients", "group"),
        series=("train_acc", "test_acc"),
    ),
)
SOURCES = (THREAD, POWER)

BRIEF_ARMS = [name for name, arm in ARMS.items() if arm.experiment.training.steps == BRIEF]
SYMMETRIC_MOUSE = MOUSE.model.model_dump(mode="json") | {"attention_rate": 0.0}
STUDY = Study(
    name="mirror",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=SOURCES,
    observation=Observation(checkpoint_megabytes=20),
    organism="fly",
    organisms={
        "mouse": Profile(
            seeds=MICE,
            assign={
                **ON_MOUSE,
                **{f"arms.{name}.model": SYMMETRIC_MOUSE for name in (*SYMMETRIC_ARMS, "fractions")},
                **{f"arms.{name}.training.steps": BRIEF_MOUSE for name in BRIEF_ARMS},
                **{f"arms.{name}.split.frac_train": None for name in ("sums_forced", "symmetric_sums_forced")},
            },
        ),
        "canon": Profile(
            assign={
                "arms": {name: arm.model_dump(mode="json") for name, arm in DEBATE.items()},
                "claims": [claim.model_dump(mode="json") for claim in CLAIMS_OF_DEBATE],
                "figures": [_deciding_figure("sums").model_dump(mode="json")],
            }
        ),
    },
    profiles={"quick": Profile(seeds=8, pilot=True, assign={"training.steps": 150, "training.stop": None})},
)
