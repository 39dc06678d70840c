"""Units of a network that can change places: permuting the neurons of a layer, or its heads, leaves what the network computes."""

from typing import NamedTuple


class UnitsIn(NamedTuple):
    """Where units lie in a tensor.

    Attributes:
        tensor: the tensor's name.
        axis: the axis along which the units lie, counted after the layer is taken.
        layer: the position along the first axis of a tensor that is stacked over layers; None where it is not.
        times: how many times all units lie one after the other along the axis, such as twice where a layer reads two embeddings.
    """

    tensor: str
    axis: int
    layer: int | None = None
    times: int = 1


class Interchangeable(NamedTuple):
    """Units that can change places.

    Attributes:
        name: what they are, such as `neurons`.
        places: every place where they lie. All of them are permuted alike.
    """

    name: str
    places: tuple[UnitsIn, ...]
