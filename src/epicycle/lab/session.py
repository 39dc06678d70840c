"""What every call that trains needs: where results go, what is recorded, who watches, and whether to go on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from epicycle.spec.observation import Observation
from epicycle.store.files import Root
from epicycle.training.cohort import Cohort
from epicycle.training.loop import Interrupted


@dataclass(frozen=True)
class Progress:
    """A cohort before its first round of training or after a round.

    Attributes:
        rate: member-steps a second; 0 before the first round.
    """

    cohort_id: str
    cohort: Cohort
    rate: float


Watcher = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Watch nothing."""


def never_interrupted() -> bool:
    """Go on always; Ctrl-C is then left to the interpreter."""
    return False


@dataclass(frozen=True)
class Session:
    """One call of the laboratory.

    Attributes:
        root: results folder.
        observation: measures, and the steps at which they are taken.
        watch: called before the first round of a cohort's training, and after every round.
        interrupted: asked after every round; True ends training after a commit.
    """

    root: Root
    observation: Observation = field(default_factory=Observation)
    watch: Watcher = ignore_progress
    interrupted: Callable[[], bool] = never_interrupted

    def go_on(self) -> None:
        """Go on, unless somebody has asked to end.

        Raises:
            Interrupted: somebody has.
        """
        if self.interrupted():
            raise Interrupted

    def observing(self, observation: Observation) -> "Session":
        """The same session with another observation."""
        return replace(self, observation=observation)
