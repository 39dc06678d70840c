"""Memory removed: does a network generalise sooner if its memory is cut out, what does the cut cost, and do tickets carry the rule?

Memory is cut out at memorising and at the onset (R064). *Few* keeps only the five components (of 15) in which the general algorithm is
strongest, in the embedding and the read-out; *other_few* keeps five others, and *few_directions* as many random directions. *Pruned*
sets the read-out of half of the neurons to 0, those that follow a component least, and *renewed* draws these neurons anew;
*pruned_any* takes any half. What the general algorithm alone would answer is also measured in the untouched fly, at every evaluation:
the cost of a perfect cut (R098), and the first step at which a perfect cut gives a general network (R107). A ticket keeps the first
weights that are large in a mask's donor, and no others (R106): a network that has generalised, one that has memorised without decay,
or chance.

R064 speaks of minibatches too, which are not tested. R106 asks for doses of the mask; two are tested, layer by layer. The thread only
asks about tickets. Minegishi et al. (2023) report of other networks that tickets generalise soon, and that neither chance nor memory
nor the norm explains this. Settings were chosen on seeds from 1000 on (LOG.md, 2026-11-27).
"""

from functools import partial
from math import log, log10
from typing import Any

from epicycle.circuits.ablated_loss import Restricted
from epicycle.circuits.neurons import NeuronShare
from epicycle.circuits.strength import GenLogit, MemLogit
from epicycle.claims.quantities import EventRatio
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.series_quantities import SeriesChange, ValueAt
from epicycle.edits.parameters import ScaleWeights
from epicycle.edits.pruning import Prune
from epicycle.edits.units import Project, ResetWeights, ZeroUnits
from epicycle.events.detectors import Threshold
from epicycle.literature.texts import BASINS, MINEGISHI, THREAD
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.families import Edit
from epicycle.spec.observation import Observation
from epicycle.spec.selection import Selection
from epicycle.spec.study import Figure, Profile, Study
from epicycle.studies.account_answers import inferred, predictions
from epicycle.studies.organisms import FLIES, FLY

QUESTION = "Does a network generalise sooner if its memory is cut out, and what is left of it then?"

MOMENTS = ("t_mem", "t_on")
EMBEDDING, READ_OUT = ("W_E", 0), ("W_U", 1)  # tensor, and the axis of tokens or classes
KEPT = 5  # components of 15, with two directions each
KEEP, MORE = 0.4, 0.8  # shares of the weights of each tensor that a ticket keeps
BRIEF = 1200  # an untouched fly generalises by step 850


def _forked(*edits: Edit) -> ForkArm:
    return ForkArm(fork="plain", at=MOMENTS[0], edits=edits, sweep={"at": MOMENTS})


def _few(**null: bool) -> ForkArm:
    """Only some components are left."""
    which = Selection(of=GenLogit(by_component=True), top=KEPT, **null)
    return _forked(*(Project(tensors=(tensor,), axis=axis, basis="components", which=which) for tensor, axis in (EMBEDDING, READ_OUT)))


def _few_directions() -> ForkArm:
    directions = tuple(range(2 * KEPT))
    return _forked(
        *(Project(tensors=(tensor,), axis=axis, basis="random", which=directions) for tensor, axis in (EMBEDDING, READ_OUT))
    )


def _half(**null: bool) -> Selection:
    """Half of the neurons: those that follow a component least, or any."""
    return Selection(of=NeuronShare(), bottom=0.5, **null)


ANY: Any = {"random": True, "of_all": True}


def _pruned(**null: bool) -> ForkArm:
    return _forked(ZeroUnits(tensors=("W_U",), axis=0, units=_half(**null)))


def _renewed() -> ForkArm:
    half = _half()
    return _forked(ResetWeights(tensors=("W_in",), axis=1, units=half), ResetWeights(tensors=("W_U",), axis=0, units=half))


def _ticket(donor: str, *keep: float, random: bool = False) -> ForkArm:
    ticket = Prune(tensors=("W_*",), donor=donor, keep=keep[0], random=random)
    return ForkArm(fork="plain", at=0, edits=(ticket,), sweep={"edits.0.keep": keep}, steps=BRIEF)


ARMS = {
    # The control.
    "plain": RootArm(experiment=FLY, seeds=FLIES),
    # Memory is cut out.
    "few": _few(),
    "other_few": _few(random=True),
    "few_directions": _few_directions(),
    "pruned": _pruned(),
    "pruned_any": _pruned(**ANY),
    "renewed": _renewed(),
    # The donor of a mask of memory: it memorises and never generalises.
    "memoriser": RootArm(
        experiment=FLY.swept("training.optimiser.weight_decay", 0.0).swept("training.stop", None).swept("training.steps", 300),
        seeds=FLIES,
    ),
    # First weights that are large in a donor, and no others.
    "ticket": _ticket("plain", KEEP, MORE),
    "memory_ticket": _ticket("memoriser", MORE),
    "random_ticket": _ticket("plain", MORE, random=True),
    # All weights, with the norm of a random ticket.
    "shrunk": ForkArm(fork="plain", at=0, edits=(ScaleWeights(tensors=("W_*",), by=round(KEEP**0.5, 3)),), steps=BRIEF),
}
CUTS = ("few", "other_few", "few_directions", "pruned", "pruned_any", "renewed")
TICKETS = ("ticket", "memory_ticket", "random_ticket")

# What Gen alone would answer: the network after a perfect cut.
GEN_ALONE = Restricted(quantity="acc", fit="held_out", rows="test", components="all")
GEN_ALONE_LOSS = Restricted(quantity="loss", fit="held_out", rows="train", components="all")
RIGHT = {"Gen alone at 0.9": Threshold(of=GEN_ALONE.name, level=0.9)}


def _left(arm: str, at: str, against: str = "plain") -> LogRemainingTime:
    return LogRemainingTime(event="t_gen", arm=arm, against=against, where={"at": at})


def _cost(at: str) -> ValueAt:
    """The training loss of Gen alone, less that of the network."""
    return ValueAt(series=GEN_ALONE_LOSS.name, beside="train_loss", at=at, arm="plain")


SOONER, NOT_SOONER = Region(below=-0.3), Region(above=-0.1)
FASTER = {
    **predictions("R064: removing the shallow circuit speeds generalisation up", coverage="yes"),
    **inferred("section 6 of the programme", efficiency="yes", norm="yes", superposition="no"),
}
exploratory = partial(Claim, primary=False, sources=("thread2022",))
ticket = partial(Claim, primary=False, sources=("minegishi2023",), phenomenon="tickets")
cut: Any = partial(exploratory, supported_if=SOONER, refuted_if=NOT_SOONER, phenomenon="removing-memory")
CLAIMS = (
    Claim(
        id="few-components-at-memorising-are-sooner",
        says="Just after memorising, a network that keeps only its strongest components generalises more than 1.35 times sooner.",
        statistic=_left("few", "t_mem"),
        supported_if=SOONER,
        refuted_if=NOT_SOONER,
        phenomenon="removing-memory",
        accounts=FASTER,
        sources=("thread2022",),
    ),
    Claim(
        id="gen-alone-is-right-early",
        says="Before 0.5 of the time that generalising takes, the general algorithm alone is right on 0.9 of the held-out rows.",
        statistic=EventRatio(event="gen-alone-right", over="t_gen", arm="plain", detectors=RIGHT),
        supported_if=Region(below=0.5),
        refuted_if=Region(above=0.9),
        phenomenon="removing-memory",
        accounts={
            **predictions("R107: pruning, not learning", superposition="yes"),
            **predictions("R107: the general circuit comes late", single_hit="no"),
        },
        sources=("basins", "thread2022"),
    ),
    Claim(
        id="a-ticket-has-no-delay",
        says="Trained from the start with the mask of a network that has generalised, a network does so more than 2.7 times sooner.",
        statistic=LogRemainingTime(event="t_gen", arm="ticket", against="plain", where={"keep": KEEP}),
        supported_if=Region(below=-1.0),
        refuted_if=Region(above=-0.1),
        phenomenon="tickets",
        sources=("minegishi2023",),
    ),
    cut(
        id="few-components-at-the-onset-are-sooner",
        says="At the onset, a network that keeps only its strongest components generalises more than 1.35 times sooner.",
        statistic=_left("few", "t_on"),
        accounts=FASTER,
    ),
    *(
        cut(
            id=f"the-right-components-matter-{when}",
            says=f"{words}, keeping the strongest components is more than 1.35 times faster than keeping as many others.",
            statistic=_left("few", at, "other_few"),
            accounts=inferred("R064: what is left is the general circuit", coverage="yes", efficiency="yes"),
        )
        for when, words, at in (("at-memorising", "Just after memorising", "t_mem"), ("at-the-onset", "At the onset", "t_on"))
    ),
    *(
        cut(
            id=f"components-matter-{when}",
            says=f"{words}, keeping the strongest components is more than 1.35 times faster than keeping as many random directions.",
            statistic=_left("few", at, "few_directions"),
            accounts=inferred("R064: what is left is the general circuit", coverage="yes", efficiency="yes"),
        )
        for when, words, at in (("at-memorising", "Just after memorising", "t_mem"), ("at-the-onset", "At the onset", "t_on"))
    ),
    *(
        cut(
            id=f"{name}-half-{when}-is-sooner",
            says=f"{words}, {deed} the neurons that follow a component least makes generalising more than 1.35 times sooner.",
            statistic=_left(name, at),
            accounts=FASTER,
        )
        for name, deed in (("pruned", "cutting off"), ("renewed", "drawing anew"))
        for when, words, at in (("at-memorising", "Just after memorising", "t_mem"), ("at-the-onset", "At the onset", "t_on"))
    ),
    cut(
        id="the-choice-of-neurons-matters",
        says="At the onset, cutting off the neurons that follow a component least is more than 1.35 times faster than any others.",
        statistic=_left("pruned", "t_on", "pruned_any"),
        accounts=inferred("R064", coverage="yes", efficiency="yes"),
    ),
    exploratory(
        id="removing-memory-costs-at-memorising",
        says="Just after memorising, the general algorithm alone has a training loss that is more than 1 nat higher.",
        statistic=_cost("t_mem"),
        supported_if=Region(above=1.0),
        refuted_if=Region(below=0.1),
        phenomenon="cost-of-removal",
        accounts=predictions("R098: the shallow circuit is contributing now", barrier="yes"),
    ),
    exploratory(
        id="the-cost-falls-as-gen-grows",
        says="From memorising to the onset the training loss of the general algorithm alone falls more than 3 times.",
        statistic=SeriesChange(series=GEN_ALONE_LOSS.name, since="t_mem", until="t_on", decades=True, arm="plain"),
        supported_if=Region(below=-log10(3)),
        refuted_if=Region(above=0.0),
        phenomenon="cost-of-removal",
        accounts=predictions("R098", barrier="yes"),
    ),
    exploratory(
        id="removing-memory-costs-at-the-onset",
        says="At the onset the general algorithm alone still has a training loss that is more than 0.05 nats higher.",
        statistic=_cost("t_on"),
        supported_if=Region(above=0.05),
        refuted_if=Region(below=0.01),
        phenomenon="cost-of-removal",
        accounts=predictions("R098: no cost only after generalising", barrier="yes"),
    ),
    exploratory(
        id="removing-memory-is-free-in-the-end",
        says="When a network has generalised, the general algorithm alone has a training loss that is less than 0.01 nats higher.",
        statistic=_cost("t_gen"),
        supported_if=Region(above=-1.0, below=0.01),
        refuted_if=Region(above=0.05),
        phenomenon="cost-of-removal",
        accounts=predictions("R098", barrier="yes"),
    ),
    exploratory(
        id="a-cut-makes-it-general-at-the-onset",
        says="At the onset, a network that keeps only its strongest components is at once right on more than 0.5 of held-out rows.",
        statistic=ValueAt(series="test_acc", at="start", arm="few", where={"at": "t_on"}),
        supported_if=Region(above=0.5),
        refuted_if=Region(below=0.25),
        phenomenon="removing-memory",
        accounts=predictions("R107: pruning, not learning", superposition="yes"),
        sources=("basins",),
    ),
    *(
        ticket(
            id=f"a-ticket-of-{words}-generalises",
            says=f"A ticket of {keep:g} of the weights is right on more than 0.9 of the held-out rows in the end.",
            statistic=ValueAt(series="test_acc", at="end", arm="ticket", where={"keep": keep}),
            gates=(
                Gate(statistic=ValueAt(series="train_acc", at="end", arm="ticket", where={"keep": keep}), region=Region(above=0.99)),
            ),
            supported_if=Region(above=0.9),
            refuted_if=Region(below=0.5),
        )
        for words, keep in (("two-fifths", KEEP), ("four-fifths", MORE))
    ),
    *(
        ticket(
            id=f"a-large-ticket-beats-{words}",
            says=f"A ticket of {MORE:g} of the weights generalises more than 1.35 times sooner than {phrase}.",
            statistic=LogRemainingTime(event="t_gen", arm="ticket", against=arm, where={"keep": MORE}),
            supported_if=SOONER,
            refuted_if=NOT_SOONER,
        )
        for words, arm, phrase in (
            ("chance", "random_ticket", "a random one"),
            ("memory", "memory_ticket", "one from a network that has only memorised"),
        )
    ),
    ticket(
        id="a-small-start-has-no-delay",
        says="A network that starts with the norm of the smaller ticket, and all weights, is neither 20 % later nor sooner.",
        statistic=LogRemainingTime(event="t_gen", arm="shrunk", against="plain"),
        supported_if=Region(above=-log(1.2), below=log(1.2)),
        refuted_if=Region(above=log(1.5), below=-log(1.5)),
    ),
)

FIGURES = (
    Figure(
        title="How much sooner does a network generalise after its memory, or something else, was cut out?",
        arms=CUTS,
        quantities=(LogRemainingTime(event="t_gen", arm="few", against="plain"),),
        along="at",
        decides="few-components-at-memorising-are-sooner",
    ),
    Figure(title="How do the accuracies rise after a cut?", arms=("plain", "few", "few_directions"), series=("train_acc", "test_acc")),
    Figure(
        title="When would the general algorithm alone be right on held-out rows?",
        arms=("plain",),
        series=(GEN_ALONE.name, "test_acc"),
        events=("t_mem", "t_on", "t_gen"),
        decides="gen-alone-is-right-early",
    ),
    Figure(
        title="What would it cost on trained rows to have the general algorithm alone?",
        arms=("plain",),
        series=(GEN_ALONE_LOSS.name, "train_loss"),
        events=("t_mem", "t_on", "t_gen"),
    ),
    Figure(
        title="Do tickets generalise?",
        arms=TICKETS,
        quantities=(ValueAt(series="test_acc", at="end", arm="ticket"), ValueAt(series="train_acc", at="end", arm="ticket")),
        along="keep",
        decides="a-ticket-has-no-delay",
    ),
)

STUDY = Study(
    name="memory_removed",
    question=QUESTION,
    arms=ARMS,
    claims=CLAIMS,
    figures=FIGURES,
    sources=(THREAD, BASINS, MINEGISHI),
    observation=Observation(
        measures=(*Observation().measures, GenLogit(), MemLogit(), GEN_ALONE, GEN_ALONE_LOSS), checkpoint_megabytes=10
    ),
    organism="fly",
    profiles={"quick": Profile(seeds=8, pilot=True)},
)
