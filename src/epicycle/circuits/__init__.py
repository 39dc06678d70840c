"""Gen and Mem: how much of what a network computes is the general algorithm of its task, and how much is the rest.

CIRCUIT_MEASURES names the kinds; they are measures like those of `epicycle.measures`. `algorithm` says what the general algorithm of a
task is made of, `splitting` splits logits by it, and the measures stand in `strength` (Gen and Mem), `ablated_loss` (the loss with
Gen alone, and without Gen), `weight_spectra` (where in the weights the components are) and `neurons` (which component each follows).
"""

CIRCUIT_MEASURES = {
    "gen_logit": "epicycle.circuits.strength:GenLogit",
    "mem_logit": "epicycle.circuits.strength:MemLogit",
    "mem_logit_of_few": "epicycle.circuits.strength:MemLogitOfFew",
    "gen_part": "epicycle.circuits.strength:GenPart",
    "gen_share": "epicycle.circuits.strength:GenShare",
    "gen_quality": "epicycle.circuits.strength:GenQuality",
    "restricted": "epicycle.circuits.ablated_loss:Restricted",
    "excluded": "epicycle.circuits.ablated_loss:Excluded",
    "component_power": "epicycle.circuits.weight_spectra:ComponentPower",
    "key_components": "epicycle.circuits.weight_spectra:KeyComponents",
    "spectral_gini": "epicycle.circuits.weight_spectra:SpectralGini",
    "token_circles": "epicycle.circuits.circles:TokenCircles",
    "neuron_share": "epicycle.circuits.neurons:NeuronShare",
    "neuron_component": "epicycle.circuits.neurons:NeuronComponent",
    "clustered_neurons": "epicycle.circuits.neurons:ClusteredNeurons",
    "coset_concentration": "epicycle.circuits.neurons:CosetConcentration",
    "coverage": "epicycle.circuits.coverage:Coverage",
    "effective_number": "epicycle.circuits.coverage:EffectiveNumber",
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
    "row_gen_part": "epicycle.circuits.row_strength:RowGenPart",
    "row_right": "epicycle.circuits.regions:RowRight",
    "region_map": "epicycle.circuits.regions:RegionMap",
    "morans_i": "epicycle.circuits.regions:MoransI",
    "offset_share": "epicycle.circuits.regions:OffsetShare",
    "probe": "epicycle.circuits.probes:Probe",
    {"kind": "restricted", "components": "random", **_HELD_OUT},
    {"kind": "excluded", **_HELD_OUT},
    {"kind": "component_power", "where": "embedding"},
    {"kind": "component_power"},
    {"kind": "key_components"},
    {"kind": "spectral_gini", "where": "embedding"},
)
