"""Published settings, one file for each public code or paper, with the source of every number.

A preset is named in YAML (`{preset: NP}`) or in Python (`ep.preset("NP")`). Every file has the same order: the docstring names the
code or paper, EXPERIMENT is the setting, PRESET adds the citations and the published results. A file with two presets has a function
in the place of EXPERIMENT. `factors.py` compares two presets, `page.py` prints them.
"""

# Name of a preset -> module and attribute; a module is imported when its preset is asked for.
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
