"""The training loss in a plane through the way of a run, as it lies on disk beside the page of a study."""

from pathlib import Path

from typing_extensions import TypedDict

from epicycle.store.atomic import write_json
from epicycle.store.documents import Count, Number, read_json


class Surface(TypedDict):
    """Losses in the plane of the two main directions of a run's way through the space of its weights.

    Attributes:
        run: id of the run.
        seed: its seed.
        arm: the arm that it belongs to.
        share: share of the way's variance that lies in the plane.
        steps: the looks that the plane is made from.
        way: the two coordinates of the run at each look, in units of the weights.
        own_loss: the training loss of the run at each look.
        seen_loss: the training loss at the point of the plane that lies nearest to it.
        x: first coordinate of the columns of the losses.
        y: second coordinate of their rows.
        train_loss: for each row and column.
        test_loss: likewise.
        events: name of an event -> the look at which it had happened.
    """

    run: str
    seed: Count
    arm: str
    share: Number
    steps: list[Count]
    way: list[tuple[Number, Number]]
    own_loss: list[Number]
    seen_loss: list[Number]
    x: list[Number]
    y: list[Number]
    train_loss: list[list[Number]]
    test_loss: list[list[Number]]
    events: dict[str, Count]


def write_surface(path: Path, surface: Surface) -> None:
    """Write a surface."""
    write_json(path, surface)


def read_surface(path: Path) -> Surface | None:
    """The surface in a file; None where there is no such file.

    Raises:
        InputError: the file is damaged.
    """
    return read_json(path, Surface) if path.is_file() else None
