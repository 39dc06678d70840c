"""Initialisation as a sampler: random networks that happen to fit a training set, beside the same networks trained.

`boolean_sampler`, `modular_sampler` and `cluster_sampler` are the theories. They share `samplers` (their fields, and how networks are
drawn and trained), `perceptron` (the network), `descent` (training), `splitting` (rare acceptances), `agreement` (how the two sets of
networks are compared), `truth_tables` (Boolean functions) and `side_by_side` (seeds on several cores).
"""
