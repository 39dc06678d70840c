"""Truth tables of random networks: the prior from which a rejection sampler draws.

A table is packed, one bit a row, so that millions of networks are compared with a training set by bit operations. What is drawn
depends on the shape of the network and on the seed alone, and is kept for further training sets.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from epicycle.theory.sampling.perceptron import Perceptron, answers

BATCH = 1 << 10  # networks computed at once: their activations fit the cache


def boolean_inputs(n_bits: int) -> Float[ndarray, "row d_in"]:
    """All inputs of a function of bits, as -1 and 1. Bit i of the row's number is input i."""
    rows = np.arange(1 << n_bits)
    return (((rows[:, None] >> np.arange(n_bits)) & 1) * 2 - 1).astype(np.float32)


def packed(bits: UInt8[ndarray, "network row"]) -> UInt8[ndarray, "network byte"]:
    """Eight answers in a byte."""
    return np.packbits(bits, axis=-1, bitorder="little")


def unpacked(tables: UInt8[ndarray, "network byte"], n_rows: int) -> UInt8[ndarray, "network row"]:
    """The answers of packed tables."""
    return np.unpackbits(tables, axis=-1, bitorder="little", count=n_rows)


def distinct(bits: UInt8[ndarray, "network row"]) -> tuple[UInt8[ndarray, "network row"], Int[ndarray, " network"]]:
    """The different tables, and how many networks have each."""
    tables = packed(bits)
    words = np.pad(tables, ((0, 0), (0, -tables.shape[1] % 8))).view(np.uint64)  # whole words sort faster than bytes
    names = words[:, 0] if words.shape[1] == 1 else words
    _, first, counts = np.unique(names, axis=0, return_index=True, return_counts=True)
    return bits[first], counts


@lru_cache(maxsize=64)
def random_tables(network: Perceptron | None, n_bits: int, n_networks: int, seed: int) -> UInt8[ndarray, "network byte"]:
    """Packed truth tables of random networks.

    Args:
        network: the shape of the networks; None draws each answer of each table as a fair coin.
        n_bits: number of inputs.
        n_networks: how many are drawn. The first ones are the same whatever the number is.
        seed: of the draws.
    """
    generator = np.random.Generator(np.random.SFC64([seed, 1]))
    inputs = boolean_inputs(n_bits)
    tables = []
    for _ in range(-(-n_networks // BATCH)):
        if network is None:
            tables.append(packed(generator.integers(0, 2, (BATCH, len(inputs)), np.uint8)))
        else:
            tables.append(packed(np.asarray(answers(network, network.draw(generator, BATCH), inputs))))
    every = np.concatenate(tables)[:n_networks]
    every.flags.writeable = False  # it is kept and shared
    return every
