"""Published settings: one file per public code, with the source of every number.

A preset's name is used in YAML (`{preset: NP}`) and in Python (`ep.preset("NP")`). `factors.py` swaps single factors between two.
"""

PRESETS = {
    "NP": "epicycle.presets.progress_measures:PRESET",
    "TL": "epicycle.presets.transformer_lens:PRESET",
    "OM": "epicycle.presets.omnigrok:PRESET",
    "AT": "epicycle.presets.atgugu:PRESET",
    "PB": "epicycle.presets.porth_bot:PRESET",
    "TG": "epicycle.presets.transgrokking:PRESET",
    "OG": "epicycle.presets.openai_grok:PRESET",
    "DM": "epicycle.presets.danielmamay:PRESET",
    "SS": "epicycle.presets.sea_snell:PRESET",
    "TK": "epicycle.presets.teddykoker:PRESET",
    "LI": "epicycle.presets.lieberum:PRESET",
    "PZ-pizza": "epicycle.presets.pizza:PIZZA",
    "PZ-clock": "epicycle.presets.pizza:CLOCK",
    "RT-A5": "epicycle.presets.rep_theory:A5",
    "RT-S5": "epicycle.presets.rep_theory:S5",
    "DD": "epicycle.presets.doshi:PRESET",
    "ES": "epicycle.presets.prieto:PRESET",
    "KU": "epicycle.presets.kumar:PRESET",
}
