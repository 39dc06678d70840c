"""Grokking without a network: the small models that texts argue with, giving the same series as runs.

A theory is the root of an arm (`theory:` in place of `experiment:`). Its runs are stored, found again and judged as those of networks.
There is one file for each theory. Beside them, `seeded` draws random numbers and recorded steps, and `small_functions` holds what the
learners of `gradient_free` learn. `sampling` asks whether initialisation is a sampler.
"""

THEORIES: dict[str, str] = {
    "barrier_hopping": "epicycle.theory.barrier_hopping:BarrierHopping",
    "boolean_sampler": "epicycle.theory.sampling.boolean_sampler:BooleanSampler",
    "circuit_efficiency": "epicycle.theory.circuit_efficiency:CircuitEfficiency",
    "cluster_sampler": "epicycle.theory.sampling.cluster_sampler:ClusterSampler",
    "evolution": "epicycle.theory.gradient_free:Evolution",
    "gradient_descent": "epicycle.theory.gradient_free:GradientDescent",
    "mixture": "epicycle.theory.mixture:Mixture",
    "modular_sampler": "epicycle.theory.sampling.modular_sampler:ModularSampler",
    "product_of_factors": "epicycle.theory.product_of_factors:ProductOfFactors",
    "random_search": "epicycle.theory.gradient_free:RandomSearch",
    "summed_basins": "epicycle.theory.summed_basins:SummedBasins",
    "three_patterns": "epicycle.theory.three_patterns:ThreePatterns",
}
