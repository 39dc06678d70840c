"""Claims of the study `patterns` on what rises when: descents, the fit of three patterns, sums of skills, and times of rows."""

from collections.abc import Callable
from functools import partial
from math import log

from epicycle.claims.differences import Difference
from epicycle.claims.falls import Fall, Overtaking
from epicycle.claims.pattern_fits import ThreePatternFit
from epicycle.claims.quantities import EventRatio, Span
from epicycle.claims.row_times import RowTimes
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.claims.shares import RegionShare
from epicycle.claims.slopes import Slope
from epicycle.events.detectors import Threshold
from epicycle.measures.fit import RegionAccuracy
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.families import Event, Statistic
from epicycle.studies.account_answers import inferred, postdictions, predictions
from epicycle.studies.patterns_arms import EASY_SECONDS, HARD_SECONDS

EASY_TRAINED, EASY_TEST, HARD_TRAINED, HARD_TEST = (
    RegionAccuracy(tokens=seconds, position=1, rows=rows) for seconds in (EASY_SECONDS, HARD_SECONDS) for rows in ("train", "test")
)
REGIONS = (EASY_TRAINED, EASY_TEST, HARD_TRAINED, HARD_TEST)
NETWORK, TOY = "easy_and_hard", "toy_descent"

Accounts = dict[str, Prediction]
exploratory = partial(Claim, primary=False)


def _beside(
    name: str,
    says: str,
    of: Callable[[str], Statistic],
    arms: tuple[str, str],
    regions: tuple[Region, Region],
    accounts: Accounts,
    gates: tuple[Callable[[str], Gate], tuple[str, str]] | None = None,
    primary: bool = False,
    phenomenon: str = "patterns",
) -> tuple[Claim, Claim]:
    """The same claim about a toy and about a network.

    Args:
        name: id of the claim about the network.
        says: what is claimed of either, as the end of a sentence.
        of: the statistic, given an arm.
        arms: the arm of the toy and that of the network.
        regions: what supports the claim, and what refutes it.
        accounts: what accounts say of the network; a toy is none of their predictions.
        gates: a gate given an arm, and the two arms.
        primary: whether the claim about the network is primary.
        phenomenon: of the claim about the network.
    """
    supported, refuted = regions

    def claim(prefix: str, who: str, position: int, **fields: object) -> Claim:
        gate = (gates[0](gates[1][position]),) if gates else ()
        plain = {"id": f"{prefix}{name}", "says": f"{who}: {says}", "statistic": of(arms[position]), "gates": gate, **fields}
        return Claim.model_validate({**plain, "supported_if": supported, "refuted_if": refuted, "sources": ("davies2023",)})

    toy = claim("toy-", "Toy", 0, primary=False, phenomenon="toys-of-patterns")
    return toy, claim("", "Network", 1, primary=primary, phenomenon=phenomenon, accounts=accounts)


def crossing(series: str, level: float, below: bool = False) -> Event:
    """The event that a series passes a level."""
    return Threshold(of=series, level=level, side="below" if below else "above")


def _rise(series: str, arm: str, **where: object) -> Span:
    """Decades of steps from a tenth to nine tenths."""
    detectors = {"tenth": crossing(series, 0.1), "nine tenths": crossing(series, 0.9)}
    return Span.parse(
        {"since": "tenth", "until": "nine tenths", "unit": "decades", "detectors": detectors, "arm": arm, "where": where}
    )


def pattern_number(what: str, arm: str) -> ThreePatternFit:
    """A number of the fit of three patterns to each run of an arm."""
    return ThreePatternFit.parse({"what": what, "arm": arm})


def _at_memorising(arm: str) -> ValueAt:
    return ValueAt(series="test_acc", at="t_mem", arm=arm)


def _later_gain(arm: str) -> SeriesChange:
    return SeriesChange(series="test_acc", since="t_mem", until="end", arm=arm)


def _turn_at_crossover(memory: str, pattern: str, turning: Fall, arm: str, **where: float) -> Difference:
    """How much later a curve turns than memory begins to gain more than a pattern, within a run."""
    crossover = Overtaking(series=memory, beside=pattern, arm=arm, where=where)
    return Difference(of=turning, against=crossover, paired=True)


NEAR = (Region(above=-log(1.5), below=log(1.5)), Region(above=log(2), below=-log(2)))
DESCENTS = (
    *_beside(
        "an-early-rise-needs-an-easy-pattern",
        "without an easy pattern less than 0.1 of held-out rows are right when the trained rows are memorised.",
        _at_memorising,
        ("toy_no_easy", "hard_only"),
        (Region(below=0.1), Region(above=0.3)),
        postdictions("R186: no easy patterns, no first descent", patterns="yes"),
        gates=(lambda arm: Gate(statistic=_at_memorising(arm), region=Region(above=0.3)), (TOY, NETWORK)),
        primary=True,
    ),
    *_beside(
        "a-late-rise-needs-a-slow-pattern",
        "without a slow pattern test accuracy gains less than 0.02 after the trained rows are memorised.",
        _later_gain,
        ("toy_no_slow", "easy_and_random"),
        (Region(below=0.02), Region(above=0.1)),
        postdictions("R186: no patterns harder than memory, no second descent", patterns="yes"),
        gates=(lambda arm: Gate(statistic=_later_gain(arm), region=Region(above=0.05)), (TOY, NETWORK)),
    ),
    *_beside(
        "memory-spoils-what-was-easy",
        "an easy pattern that was learned is spoiled by memory, so that test accuracy falls by more than 5 points.",
        lambda arm: Fall(series="test_acc", arm=arm),
        (TOY, NETWORK),
        (Region(above=0.05), Region(below=0.05)),
        predictions("R190: fast patterns come first and are in the way", patterns="yes"),
    ),
    *_beside(
        "grokking",
        "without an easy pattern generalisation comes more than 2 times later than memory.",
        lambda arm: EventRatio(event="t_gen", over="t_mem", arm=arm),
        ("toy_grokking", "hard_only"),
        (Region(above=2), Region(below=1.5)),
        postdictions("R190", patterns="yes"),
    ),
    exploratory(
        id="wrong-labels-spoil-what-was-easy",
        says="Wrong labels make test accuracy fall by more than 5 points once they are memorised.",
        statistic=Fall(series="test_acc", arm="wrong_labels", since="0.002*end"),
        supported_if=Region(above=0.05),
        refuted_if=Region(below=0.05),
        phenomenon="patterns",
        accounts=predictions("R190: fast patterns come first and are in the way", patterns="yes"),
        sources=("davies2023",),
    ),
    exploratory(
        id="the-loss-descends-before-memory",
        says="With an easy rule the test loss falls by more than 0.5 before the trained rows are memorised.",
        statistic=Fall(series="test_loss", until="t_mem", arm=NETWORK),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.1),
        phenomenon="patterns",
        accounts=postdictions("R183, R184: first descent", patterns="yes"),
        sources=("mesa",),
    ),
    exploratory(
        id="the-loss-descends-again",
        says="With an easy and a hard rule the test loss rises by more than 0.5 in between, and falls by more than 1 in the end.",
        statistic=Fall(series="test_loss", since="t_mem", arm=NETWORK),
        gates=(Gate(statistic=Fall(series="test_loss", direction="rise", arm=NETWORK), region=Region(above=0.5)),),
        supported_if=Region(above=1),
        refuted_if=Region(below=0.5),
        phenomenon="patterns",
        accounts=postdictions("R183, R184: second descent", patterns="yes"),
        sources=("mesa",),
    ),
    exploratory(
        id="no-first-descent-of-the-loss-without-an-easy-rule",
        says="Without an easy rule the test loss falls by less than 0.1 before the trained rows are memorised.",
        statistic=Fall(series="test_loss", until="t_mem", arm="hard_only"),
        supported_if=Region(below=0.1),
        refuted_if=Region(above=0.5),
        phenomenon="patterns",
        accounts=postdictions("R186", patterns="yes"),
        sources=("mesa",),
    ),
)


def _in_order(arm: str) -> RegionShare:
    return RegionShare(of=pattern_number("order", arm), region=Region(above=0.0))


ORDERLY = (Region(above=0.8), Region(below=0.8))
ORDER = postdictions("R187: fast and general, fast and poor, slow and general", patterns="yes")
FITS = (
    *_beside(
        "patterns-come-in-order",
        "three patterns that are fitted to a run come in the order of the theory, in a share above 0.8 of the runs.",
        _in_order,
        (TOY, NETWORK),
        ORDERLY,
        ORDER,
        primary=True,
    ),
    *(
        exploratory(
            id=f"patterns-come-in-order-{arm.replace('_', '-')}",
            says=f"The same with {words}.",
            statistic=_in_order(arm),
            supported_if=ORDERLY[0],
            refuted_if=ORDERLY[1],
            phenomenon="patterns",
            accounts=ORDER,
            sources=("davies2023",),
        )
        for arm, words in (("hard_only", "a hard rule only"), ("wrong_labels", "wrong labels"))
    ),
    *(
        exploratory(
            id=f"three-patterns-fit-{arm.replace('_', '-')}",
            says=f"Three patterns describe the accuracies of a network to 0.05, {words}.",
            statistic=pattern_number("error", arm),
            supported_if=Region(below=0.05),
            refuted_if=Region(above=0.1),
            phenomenon="patterns",
            accounts=inferred("R190: one family of curves fits both", patterns="yes"),
            sources=("davies2023",),
        )
        for arm, words in (
            ("hard_only", "with a hard rule only"),
            (NETWORK, "with an easy and a hard rule"),
            ("wrong_labels", "with wrong labels"),
        )
    ),
)

MEMORY, PATTERN = HARD_TRAINED.name, EASY_TEST.name
STACKED = predictions("R181: smooth curves are many sudden ones", stacked="yes")
SUMS = (
    exploratory(
        id="toy-a-sum-of-skills-is-smooth",
        says="Toy: the sum of 64 sudden skills takes over 1 decade of steps more to rise than a single skill.",
        statistic=Difference(
            of=_rise("test_acc", "toy_skills", n_skills=64), against=_rise("one_skill_acc", "toy_skills", n_skills=64), paired=True
        ),
        supported_if=Region(above=1),
        refuted_if=Region(below=0.2),
        phenomenon="toys-of-patterns",
        sources=("mesa",),
    ),
    exploratory(
        id="toy-more-skills-are-smoother",
        says="Toy: the more skills, the longer their sum takes to rise, over 1.6 times for ten times as many.",
        statistic=Slope(of=_rise("test_acc", "toy_skills"), along="n_skills", log=True),
        supported_if=Region(above=0.2 / log(10)),
        refuted_if=Region(below=0.0),
        phenomenon="toys-of-patterns",
        sources=("mesa",),
    ),
    exploratory(
        id="two-rules-take-longer-than-one",
        says="Network: with an easy and a hard rule test accuracy takes over 0.5 decades more to rise than with the hard one.",
        statistic=Difference(of=_rise("test_acc", NETWORK), against=_rise("test_acc", "hard_only"), paired=True),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.2),
        phenomenon="stacked",
        accounts=STACKED,
        sources=("mesa",),
    ),
    exploratory(
        id="an-easy-rule-is-grokked-too",
        says="Network: within the first descent the easy rule is generalised more than 3 times later than its rows are memorised.",
        statistic=EventRatio(
            event="easy rule general",
            over="t_mem",
            over_detector=crossing(EASY_TRAINED.name, 0.95),
            detectors={"easy rule general": crossing(EASY_TEST.name, 0.95)},
            arm=NETWORK,
        ),
        supported_if=Region(above=3),
        refuted_if=Region(below=2),
        phenomenon="stacked",
        accounts=predictions("R182: many things are grokked in the first descent", stacked="yes"),
        sources=("mesa",),
    ),
    exploratory(
        id="toy-memory-bends-a-smooth-sum",
        says="Toy: skills whose sum rises smoothly still give a test accuracy that falls by more than 5 points.",
        statistic=Fall(series="test_acc", arm="toy_memory", where={"mem_spread": 0.1}),
        gates=(Gate(statistic=_rise("skills_learned", "toy_memory", mem_spread=0.1), region=Region(above=1)),),
        supported_if=Region(above=0.05),
        refuted_if=Region(below=0.02),
        phenomenon="toys-of-patterns",
        sources=("mesa",),
    ),
    exploratory(
        id="toy-only-narrow-memory-bends-it",
        says="Toy: the wider the times of memory, the smaller the fall, by over 2 points for ten times the spread.",
        statistic=Slope(of=Fall(series="test_acc", arm="toy_memory"), along="mem_spread", log=True),
        supported_if=Region(below=-0.02 / log(10)),
        refuted_if=Region(above=0.0),
        phenomenon="toys-of-patterns",
        sources=("mesa",),
    ),
    exploratory(
        id="toy-the-curve-turns-where-memory-overtakes",
        says="Toy: test accuracy turns within a factor of 1.5 of the step at which memory begins to gain more than the skills.",
        statistic=_turn_at_crossover(
            "memorised",
            "skills_learned",
            Fall(series="test_acc", what="turn", arm="toy_memory", where={"mem_spread": 0.1}),
            "toy_memory",
            mem_spread=0.1,
        ),
        supported_if=NEAR[0],
        refuted_if=NEAR[1],
        phenomenon="toys-of-patterns",
        sources=("mesa",),
    ),
    exploratory(
        id="the-loss-turns-where-memory-overtakes",
        says="Network: the test loss turns within a factor of 1.5 of the step at which memory begins to gain more than the easy rule.",
        statistic=_turn_at_crossover(MEMORY, PATTERN, Fall(series="test_loss", direction="rise", what="turn", arm=NETWORK), NETWORK),
        supported_if=NEAR[0],
        refuted_if=NEAR[1],
        phenomenon="patterns",
        accounts=predictions("R185: the crossover is the minimum of the first descent", patterns="yes"),
        sources=("mesa",),
    ),
)


def _spread(rows: str, arm: str, seconds: tuple[int, int] | None = None) -> RowTimes:
    return RowTimes.parse({"rows": rows, "arm": arm, "seconds": seconds})


ROWS = (
    exploratory(
        id="random-rows-are-memorised-more-alike",
        says="Rows of a rule are memorised at times that spread over 0.1 more than those of rows with random labels.",
        statistic=Difference(of=_spread("trained", "hard_only"), against=_spread("trained", "random"), paired=True),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        phenomenon="patterns",
        accounts=predictions("R188: memories of one task have one complexity", patterns="yes"),
        sources=("mesa",),
    ),
    exploratory(
        id="memory-is-narrower-than-two-rules",
        says="Times at which held-out rows of both rules are generalised spread over 0.7 more than those of memory of the hard rule.",
        statistic=Difference(of=_spread("held_out", NETWORK), against=_spread("trained", NETWORK, HARD_SECONDS), paired=True),
        supported_if=Region(above=0.7),
        refuted_if=Region(below=0.0),
        phenomenon="patterns",
        accounts=postdictions("R184: patterns spread widely, memory does not", patterns="yes"),
        sources=("mesa",),
    ),
    exploratory(
        id="memory-is-narrower-than-one-rule",
        says="Of a single rule, held-out rows are generalised at times that spread over 0.1 more than rows are memorised.",
        statistic=Difference(of=_spread("held_out", "hard_only"), against=_spread("trained", "hard_only"), paired=True),
        supported_if=Region(above=0.1),
        refuted_if=Region(below=0.0),
        phenomenon="patterns",
        accounts=inferred("R184: patterns spread widely, memory does not", patterns="yes"),
        sources=("mesa",),
    ),
)
