"""Grokking without a network: the small models that texts argue with, giving the same series as runs.

A theory is the root of an arm (`theory:` in place of `experiment:`). Its runs are stored, found again and judged as those of networks.
"""

THEORIES: dict[str, str] = {
    "circuit_efficiency": "epicycle.theory.circuit_efficiency:CircuitEfficiency",
    "mixture": "epicycle.theory.mixture:Mixture",
    "product_of_factors": "epicycle.theory.product_of_factors:ProductOfFactors",
    "three_patterns": "epicycle.theory.three_patterns:ThreePatterns",
    "barrier_hopping": "epicycle.theory.barrier_hopping:BarrierHopping",
    "evolution": "epicycle.theory.gradient_free:Evolution",
    "gradient_descent": "epicycle.theory.gradient_free:GradientDescent",
    "random_search": "epicycle.theory.gradient_free:RandomSearch",
    "summed_basins": "epicycle.theory.summed_basins:SummedBasins",
}
