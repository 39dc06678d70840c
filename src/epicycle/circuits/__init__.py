"""Circuits: which parts of a network compute the general algorithm of its task (Gen), which compute the rest (Mem), and when.

CIRCUIT_MEASURES names the kinds of measures. They stand in these modules, by the question that they answer:

- How much of the logits is Gen? `strength`, `row_strength`, `ablated_loss`, `exchange`. Through which part does a loss change?
  `loss_through`. `algorithm` says what Gen is made of, and `splitting` takes it out of the logits. `end_point` compares with the end
  of a run instead.
- Where in the weights is it? `weight_spectra`, `circles`, `key_irreps`.
- What do single neurons and heads compute? `neurons`, `coset_neurons`, `waves`, `attention`.
- Which units matter? `removable` says what can be taken out; `coverage`, `attribution` and `saliency` measure what is lost; `altered`
  changes a network on the spot, and `patching` takes activations from other rows.
- Which algorithm is it? `clock_pizza`, `probes`. Is there another one? `other_rule`.
- On which rows is it right? `regions`.
- What do circuits do that were written by hand, in the networks of kind gated_bank, two_heads and frequency_toy? `written`.
"""

CIRCUIT_MEASURES = {
    "gen_logit": "epicycle.circuits.strength:GenLogit",
    "mem_logit": "epicycle.circuits.strength:MemLogit",
    "mem_logit_of_few": "epicycle.circuits.strength:MemLogitOfFew",
    "gen_part": "epicycle.circuits.strength:GenPart",
    "gen_share": "epicycle.circuits.strength:GenShare",
    "gen_quality": "epicycle.circuits.strength:GenQuality",
    "end_share": "epicycle.circuits.end_point:EndShare",
    "end_part": "epicycle.circuits.end_point:EndPart",
    "exchange": "epicycle.circuits.exchange:Exchange",
    "loss_through": "epicycle.circuits.loss_through:LossThrough",
    "restricted": "epicycle.circuits.ablated_loss:Restricted",
    "excluded": "epicycle.circuits.ablated_loss:Excluded",
    "component_power": "epicycle.circuits.weight_spectra:ComponentPower",
    "key_components": "epicycle.circuits.weight_spectra:KeyComponents",
    "gradient_symmetricity": "epicycle.circuits.clock_pizza:GradientSymmetricity",
    "distance_irrelevance": "epicycle.circuits.clock_pizza:DistanceIrrelevance",
    "circularity": "epicycle.circuits.clock_pizza:Circularity",
    "template_share": "epicycle.circuits.clock_pizza:TemplateShare",
    "distance_accuracy": "epicycle.circuits.clock_pizza:DistanceAccuracy",
    "attention_pattern": "epicycle.circuits.attention:AttentionPattern",
    "attention_entropy": "epicycle.circuits.attention:AttentionEntropy",
    "key_power": "epicycle.circuits.weight_spectra:KeyPower",
    "is_key": "epicycle.circuits.weight_spectra:IsKey",
    "spectral_gini": "epicycle.circuits.weight_spectra:SpectralGini",
    "token_circles": "epicycle.circuits.circles:TokenCircles",
    "neuron_share": "epicycle.circuits.neurons:NeuronShare",
    "neuron_component": "epicycle.circuits.neurons:NeuronComponent",
    "clustered_neurons": "epicycle.circuits.neurons:ClusteredNeurons",
    "coset_concentration": "epicycle.circuits.neurons:CosetConcentration",
    "logit_similarity": "epicycle.circuits.key_irreps:LogitSimilarity",
    "key_irreps": "epicycle.circuits.key_irreps:KeyIrreps",
    "key_irrep_share": "epicycle.circuits.key_irreps:KeyIrrepShare",
    "coset_distance": "epicycle.circuits.coset_neurons:CosetDistance",
    "neuron_ipr": "epicycle.circuits.waves:NeuronIPR",
    "analytic_neurons": "epicycle.circuits.waves:AnalyticNeurons",
    "pruned_accuracy": "epicycle.circuits.altered:PrunedAccuracy",
    "altered": "epicycle.circuits.altered:Altered",
    "coverage": "epicycle.circuits.coverage:Coverage",
    "effective_number": "epicycle.circuits.coverage:EffectiveNumber",
    "active_overlap": "epicycle.circuits.coverage:ActiveOverlap",
    "salience": "epicycle.circuits.saliency:Salience",
    "breadth": "epicycle.circuits.saliency:Breadth",
    "salience_skewness": "epicycle.circuits.saliency:SalienceSkewness",
    "broad_units": "epicycle.circuits.saliency:BroadUnits",
    "participation": "epicycle.circuits.saliency:Participation",
    "deletion_damage": "epicycle.circuits.saliency:DeletionDamage",
    "row_gen_part": "epicycle.circuits.row_strength:RowGenPart",
    "region_map": "epicycle.circuits.regions:RegionMap",
    "morans_i": "epicycle.circuits.regions:MoransI",
    "offset_share": "epicycle.circuits.regions:OffsetShare",
    "circuit_strength": "epicycle.circuits.written:CircuitStrength",
    "circuit_coverage": "epicycle.circuits.written:CircuitCoverage",
    "circuit_share": "epicycle.circuits.written:CircuitShare",
    "probe": "epicycle.circuits.probes:Probe",
    "of_rule": "epicycle.circuits.other_rule:OfRule",
    "rule_accuracy": "epicycle.circuits.other_rule:RuleAccuracy",
}

# The usual measures of circuits: `epicycle measure STUDY --measures circuits`.
_HELD_OUT = {"fit": "held_out", "rows": "test", "quantity": "acc"}
CIRCUIT_SET: tuple[dict[str, str | bool], ...] = (
    {"kind": "gen_logit"},
    {"kind": "gen_logit", "null": "shuffled"},
    {"kind": "mem_logit"},
    {"kind": "gen_part"},
    {"kind": "gen_share"},
    {"kind": "gen_share", "null": "shuffled"},
    {"kind": "gen_share", "by_component": True},
    {"kind": "gen_quality"},
    {"kind": "restricted"},
    {"kind": "excluded", "rows": "train"},
    {"kind": "restricted", "components": "all", **_HELD_OUT},
    {"kind": "restricted", **_HELD_OUT},
    {"kind": "restricted", "components": "random", **_HELD_OUT},
    {"kind": "excluded", **_HELD_OUT},
    {"kind": "component_power", "where": "embedding"},
    {"kind": "component_power"},
    {"kind": "key_components"},
    {"kind": "spectral_gini", "where": "embedding"},
)
