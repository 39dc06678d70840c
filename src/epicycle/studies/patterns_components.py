"""Claims of the study `patterns` on solutions with several pieces: plateaus of products, and groups that need several characters."""

from functools import partial
from math import log

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventTime, Span
from epicycle.claims.slopes import Slope
from epicycle.spec.claim import Claim, Region
from epicycle.studies.account_answers import postdictions, predictions
from epicycle.studies.patterns_claims import Accounts, crossing


def _after_plateau(arm: str, **where: float) -> Span:
    """The share of the time to a tenth of the loss that is left when a fifth of the loss is gone. Near 0, all of it is a plateau.

    The whole loss is that of an output of 0: 1 in a toy, and 1 / 13 in a network, whose squared error is a mean over 13 outputs.
    """
    series, whole = ("loss_left", 1.0) if arm.startswith("toy") else ("train_loss", 1 / 13)
    levels = {"fifth gone": 0.8, "tenth left": 0.1}
    detectors = {name: crossing(series, level * whole, below=True) for name, level in levels.items()}
    return Span.parse({"since": "fifth gone", "until": "tenth left", "detectors": detectors, "arm": arm, "where": where})


def _at_small_start(arm: str, **where: float) -> Span:
    start = {"start": 0.03} if arm.startswith("toy") else {"init_scale": 0.5}
    return _after_plateau(arm, **where, **start)


def _by_start(arm: str, **where: float) -> Slope:
    along = "start" if arm.startswith("toy") else "init_scale"
    return Slope(of=_after_plateau(arm, **where), along=along, log=True)


MORE = 0.1
NO_PLATEAU, SHORTER = (Region(above=0.8), Region(below=0.5)), (Region(below=-MORE), Region(above=0.0))
BY_START = (Region(above=0.05), Region(below=0.0))
PRODUCT: Accounts = postdictions("R191: the loss is a product of several pieces", components="yes")
_component = partial(Claim, primary=False, sources=("jermyn2022",))
TOY_ONE, TOY_TWO, TOY_THREE = (_at_small_start("toy_factors", factors=factors) for factors in (1, 2, 3))
ONE, THREE, FOUR = (_at_small_start(f"{name}_factor{'s' * (name != 'one')}") for name in ("one", "three", "four"))


def _plateau_claims(
    prefix: str, who: str, spans: tuple[Span, Span, Span], by_start: Slope, phenomenon: str, accounts: Accounts
) -> tuple[Claim, ...]:
    """No plateau with one factor; with more a longer one, and longer from a smaller start."""
    few, some, many = spans
    common = {"phenomenon": phenomenon, "accounts": accounts}
    return (
        _component(
            id=f"{prefix}one-factor-has-no-plateau",
            says=f"{who}: with a single factor over 0.8 of the time passes after the loss has begun to go.",
            statistic=few,
            supported_if=NO_PLATEAU[0],
            refuted_if=NO_PLATEAU[1],
            **common,
        ),
        _component(
            id=f"{prefix}more-factors-have-a-plateau",
            says=f"{who}: with more factors the time after the plateau is a share that is smaller by over 0.1.",
            statistic=Difference(of=some, against=few, paired=True),
            supported_if=SHORTER[0],
            refuted_if=SHORTER[1],
            **common,
        ),
        _component(
            id=f"{prefix}each-factor-adds-to-the-plateau",
            says=f"{who}: a further factor makes this share smaller by over 0.1 again.",
            statistic=Difference(of=many, against=some, paired=True),
            supported_if=SHORTER[0],
            refuted_if=SHORTER[1],
            **common,
        ),
        _component(
            id=f"{prefix}a-small-start-lengthens-the-plateau",
            says=f"{who}: with several factors the time after the plateau is a smaller share if the start is smaller.",
            statistic=by_start,
            supported_if=BY_START[0],
            refuted_if=BY_START[1],
            **common,
        ),
    )


PLATEAUS = (
    *_plateau_claims("toy-", "Toy", (TOY_ONE, TOY_TWO, TOY_THREE), _by_start("toy_factors", factors=3), "toys-of-patterns", {}),
    *_plateau_claims("", "Network", (ONE, THREE, FOUR), _by_start("three_factors"), "components", PRODUCT),
)


def _ln_t_gen(n: int, **where: float) -> EventTime:
    return EventTime(event="t_gen", unit="log", arm=f"components_{n}", where={"weight_decay": 1.0, **where})


def _later_with(n: int, than: int) -> Difference:
    return Difference(of=_ln_t_gen(n), against=_ln_t_gen(than))


LATER = (Region(above=log(1.25)), Region(below=-log(1.25)))
ALIGNED: Accounts = predictions("R192: simple solutions that need many components to align", components="yes")
COMPONENTS = (
    Claim(
        id="more-components-are-found-later",
        says="A group that needs five characters is generalised over 1.25 times later than one of the same size that needs one.",
        statistic=_later_with(5, 1),
        supported_if=LATER[0],
        refuted_if=LATER[1],
        phenomenon="components",
        accounts=ALIGNED,
        sources=("mesa",),
    ),
    *(
        _component(
            id=f"{more}-components-are-found-later-than-{fewer}",
            says=f"A group that needs {words} is generalised over 1.25 times later than one that needs {other}.",
            statistic=_later_with(more, fewer),
            supported_if=LATER[0],
            refuted_if=LATER[1],
            phenomenon="components",
            accounts=ALIGNED,
        )
        for more, fewer, words, other in ((2, 1, "two characters", "one"), (3, 2, "three characters", "two"), (5, 3, "five", "three"))
    ),
    *(
        _component(
            id=f"decay-brings-{n}-components-sooner",
            says=f"With {words}, ten times the weight decay brings generalisation more than 1.5 times sooner.",
            statistic=Slope(of=EventTime(event="t_gen", unit="log", arm=f"components_{n}"), along="weight_decay", log=True),
            supported_if=Region(below=-log(1.5) / log(10)),
            refuted_if=Region(above=0.0),
            phenomenon="components",
            accounts=ALIGNED,
        )
        for n, words in ((1, "one component"), (5, "five components"))
    ),
)
