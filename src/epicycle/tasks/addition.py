"""The toy addition of Liu et al. (arXiv 2205.10343 and 2210.01117, appendix D).

A row is an unordered pair of p symbols, each with an embedding to be learnt. The label is a vector: each sum i + j (not modulo p)
has a fixed random vector that the network is to give. The released landscape code takes the sum modulo p instead.
"""

import numpy as np

from epicycle.spec.families import Task
from epicycle.spec.fields import static
from epicycle.spec.limits import MOST_SEED
from epicycle.spec.table import Table


class ToyAddition(Task):
    """The sum of two symbols, as a vector, for all p (p + 1) / 2 unordered pairs i <= j.

    Attributes:
        p: number of symbols.
        d_target: length of the label vectors, which are drawn from N(0, 1).
        modular: whether sums are taken modulo p.
        target_seed: the seed from which the label vectors are drawn, apart from the runs' seeds.
        tolerance: root mean square error below which a row is right. The vectors of two sums are about 1.4 apart, so 0.5 tells them
            apart.
    """

    kind = "toy_addition"

    p: int = static(10, ge=2, le=1000)
    d_target: int = static(30, ge=1, le=10_000)
    modular: bool = static(False)
    target_seed: int = static(0, ge=0, le=MOST_SEED)
    tolerance: float = static(0.5, gt=0, le=1e6)

    def table(self) -> Table:
        """One row for each unordered pair."""
        i, j = np.triu_indices(self.p)
        vectors = np.random.RandomState(self.target_seed).normal(size=(2 * self.p - 1, self.d_target)).astype(np.float32)
        operands = np.stack([i, j], axis=1).astype(np.int32)
        return Table(
            inputs=operands,
            labels=vectors[(i + j) % self.p if self.modular else i + j],
            operands=operands,
            num_classes=self.d_target,
            d_vocab=self.p,
            tolerance=self.tolerance,
        )
