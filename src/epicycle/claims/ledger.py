"""The ledger: what each account predicted of each claim, what came of it, and how often each account was right.

How it counts:

- A row is a claim of a study, with its outcome on each organism. Pilots are no outcomes.
- A row counts if accounts differ on it (one says yes, another no), if it is decided, and if organisms do not disagree. A claim that
  was registered when its runs existed is shown and does not count.
- An account is right on a row if it said yes and the claim is supported, or no and the claim is refuted. A prediction with a stated
  tolerance is right if the whole interval lies inside the tolerance, and wrong if the whole interval lies outside.
- The claims of one phenomenon have one vote together: the share of its counted rows on which the account is right.
- What an account does not speak of, and what is undecided, counts neither for nor against it. Its coverage says how much it spoke of.
- Predictions are counted apart from postdictions, and causal claims apart from descriptive ones. There is no sum over these four, and
  accounts are not ranked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import inf
from typing import Any, Literal

from epicycle.spec.claim import Prediction, Region, VerdictName
from epicycle.spec.identity import canonical_json
from epicycle.spec.organism import OrganismName

RowVerdict = Literal["supported", "refuted", "undecided", "disagree", "not run"]
Result = Literal["right", "wrong", "open"]
Kind = Literal["causal", "descriptive"]
Timing = Literal["prediction", "postdiction"]
Decision = Literal["supported", "refuted"]
GROUPS: tuple[tuple[Timing, Kind], ...] = tuple(product(("prediction", "postdiction"), ("causal", "descriptive")))
SEED_FIELDS = {"seeds", "first_seed", "data_seeds", "first_data_seed"}
OF_SEEDS = ("seed", "data_seed")  # what a sweep along these compares was not changed by anybody


@dataclass(frozen=True)
class AskedClaim:
    """A claim, as far as the ledger needs it.

    Attributes:
        study: the study that makes the claim.
        id: the claim's id in the study.
        sentence: the claim in words.
        phenomenon: what the claim is about; a claim without one stands for itself.
        primary: whether the study is for this claim.
        kind: causal if the claim compares what somebody changed with what it was; otherwise descriptive.
        predictions: account -> what it says.
    """

    study: str
    id: str
    sentence: str
    phenomenon: str
    primary: bool
    kind: Kind
    predictions: Mapping[str, Prediction]


@dataclass(frozen=True)
class Outcome:
    """The verdict on a claim on one organism.

    Attributes:
        organism: None for the setting that the study states.
        finding: the estimate in words.
        interval: its ends; None where nothing could be estimated.
        post_hoc: whether the claim was registered when the runs existed.
    """

    organism: OrganismName | None
    verdict: VerdictName
    finding: str
    interval: tuple[float, float] | None
    post_hoc: bool = False

    def result(self, prediction: Prediction) -> Result:
        """Whether a prediction came true here."""
        if prediction.within is not None:
            return _in_tolerance(prediction.within, self.interval)
        if self.verdict == "undecided":
            return "open"
        return "right" if (prediction.says == "yes") == (self.verdict == "supported") else "wrong"


@dataclass(frozen=True)
class Row:
    """A claim with its outcomes.

    Attributes:
        outcomes: one for each organism on which the claim was judged; none where it was not.
    """

    claim: AskedClaim
    outcomes: tuple[Outcome, ...] = ()

    @property
    def post_hoc(self) -> bool:
        """Whether no outcome was registered before its runs."""
        return bool(self.outcomes) and all(outcome.post_hoc for outcome in self.outcomes)

    @property
    def valid(self) -> tuple[Outcome, ...]:
        """The outcomes that were registered before their runs; all of them where none was."""
        return tuple(outcome for outcome in self.outcomes if not outcome.post_hoc) or self.outcomes

    @property
    def verdict(self) -> RowVerdict:
        """The verdict over all organisms. An undecided organism leaves it to the others."""
        verdicts = {outcome.verdict for outcome in self.valid}
        if not verdicts:
            return "not run"
        if {"supported", "refuted"} <= verdicts:
            return "disagree"
        return next((verdict for verdict in ("supported", "refuted") if verdict in verdicts), "undecided")

    @property
    def differs(self) -> bool:
        """Whether one account says yes and another no. If not, the claim cannot tell accounts apart."""
        return len({prediction.says for prediction in self.claim.predictions.values()}) == 2

    @property
    def counts(self) -> bool:
        """Whether the row has a part in the votes."""
        return self.differs and not self.post_hoc and self.verdict in ("supported", "refuted")

    def result(self, account: str) -> Result:
        """Whether an account's prediction came true: on all organisms that decide it, if they agree."""
        results = {outcome.result(self.claim.predictions[account]) for outcome in self.valid} - {"open"}
        return results.pop() if len(results) == 1 else "open"


@dataclass(frozen=True)
class Vote:
    """What an account got right of one phenomenon, among rows of one group.

    Attributes:
        right: number of counted rows on which the account was right.
        decided: number of counted rows of which it spoke.
    """

    phenomenon: str
    right: int
    decided: int

    @property
    def share(self) -> Fraction:
        """The account's share of the one vote that the phenomenon has."""
        return Fraction(self.right, self.decided)


@dataclass(frozen=True)
class Score:
    """How often an account was right.

    Attributes:
        votes: for each timing and kind, the votes of the phenomena of which the account spoke.
        spoke_of: phenomena with a counted row of which the account said something.
        phenomena: all phenomena with a counted row.
        tolerances: results of its predictions with a stated tolerance, on all claims.
    """

    account: str
    votes: Mapping[tuple[Timing, Kind], tuple[Vote, ...]]
    spoke_of: int
    phenomena: int
    tolerances: tuple[Result, ...]

    def points(self, timing: Timing, kind: Kind) -> Fraction:
        """The votes that it won."""
        return sum((vote.share for vote in self.votes[timing, kind]), Fraction(0))


def asked_claim(study: str, claim: Mapping[str, Any], arms: Mapping[str, Any], sentence: str) -> AskedClaim:
    """A claim as the ledger needs it, from a study as plain data.

    Args:
        study: the study's name.
        claim: the claim as plain data.
        arms: the study's arms as plain data.
        sentence: the claim in words.

    Raises:
        InputError: a prediction is none.
    """
    given = {name: {"says": entry} if isinstance(entry, str) else entry for name, entry in (claim.get("accounts") or {}).items()}
    where = f"study {study}, claim {claim['id']}, accounts"
    predictions = {name: Prediction.parse_stored(entry, f"{where}.{name}") for name, entry in given.items()}
    phenomenon = str(claim.get("phenomenon") or claim["id"])
    kind = kind_of_claim(claim.get("statistic"), arms)
    return AskedClaim(study, claim["id"], sentence, phenomenon, bool(claim.get("primary", True)), kind, predictions)


def kind_of_claim(statistic: Any, arms: Mapping[str, Any]) -> Kind:
    """Whether a statistic compares what somebody changed with what it was.

    It does if it reads two arms whose settings differ, one arm at two points of its sweep, or the slope along what is swept. Seeds are
    no change.

    Args:
        statistic: as plain data.
        arms: the study's arms as plain data.
    """
    pieces = list(_mappings(statistic))
    if any(piece.get("along") and piece["along"] not in OF_SEEDS for piece in pieces):
        return "causal"
    points = {
        canonical_json([_setting(arms[piece[key]]), piece.get("where") or {} if key == "arm" else {}])
        for piece in pieces
        for key in ("arm", "against")
        if isinstance(piece.get(key), str) and piece[key] in arms
    }
    return "causal" if len(points) > 1 else "descriptive"


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """A statistic and all parts of it that are mappings."""
    if isinstance(value, Mapping):
        yield value
        for entry in value.values():
            yield from _mappings(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _mappings(entry)


def _setting(arm: Any) -> Any:
    return {name: entry for name, entry in arm.items() if name not in SEED_FIELDS} if isinstance(arm, Mapping) else arm


def _in_tolerance(within: Region, interval: tuple[float, float] | None) -> Result:
    if interval is None:
        return "open"
    low, high = interval
    if within.holds(low, high):
        return "right"
    outside = all(high <= above or low >= below for above, below in within.pieces())
    return "wrong" if outside else "open"


def as_interval(ends: Sequence[float | None] | None) -> tuple[float, float] | None:
    """The interval of a verdict document, in which an infinite end is null."""
    return None if ends is None else (-inf if ends[0] is None else ends[0], inf if ends[1] is None else ends[1])


def score(account: str, rows: Sequence[Row]) -> Score:
    """How often an account was right.

    Args:
        account: its id.
        rows: all rows of the ledger.
    """
    counted = [row for row in rows if row.counts]
    spoken = [row for row in counted if account in row.claim.predictions]
    return Score(
        account,
        {group: tuple(_votes(account, spoken, *group)) for group in GROUPS},
        len({row.claim.phenomenon for row in spoken}),
        len({row.claim.phenomenon for row in counted}),
        tuple(row.result(account) for row in rows if _has_tolerance(row, account)),
    )


def _has_tolerance(row: Row, account: str) -> bool:
    prediction = row.claim.predictions.get(account)
    return prediction is not None and prediction.within is not None


def _votes(account: str, spoken: Sequence[Row], timing: Timing, kind: Kind) -> Iterator[Vote]:
    """The votes of one group, one for each phenomenon in the order of the rows."""
    in_group = [row for row in spoken if row.claim.kind == kind and row.claim.predictions[account].timing == timing]
    for phenomenon in dict.fromkeys(row.claim.phenomenon for row in in_group):
        results = [row.result(account) for row in in_group if row.claim.phenomenon == phenomenon]
        if decided := len(results) - results.count("open"):
            yield Vote(phenomenon, results.count("right"), decided)


def right_of_decided(account: str, rows: Sequence[Row], counted: bool = True) -> Vote | None:
    """On how many decided rows an account was right, whatever their timing and kind; None where it spoke of none that is decided.

    Args:
        account: its id.
        rows: rows of one phenomenon.
        counted: look at rows that count; or at those that do not, because no account says otherwise.
    """
    asked = [row for row in rows if (row.counts if counted else not row.differs and not row.post_hoc)]
    results = [row.result(account) for row in asked if account in row.claim.predictions]
    decided = len(results) - results.count("open")
    return Vote(rows[0].claim.phenomenon, results.count("right"), decided) if decided else None
