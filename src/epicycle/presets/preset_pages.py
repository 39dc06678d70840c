"""Presets as text: the lines of `epicycle presets` and the page docs/presets.md, which a test compares with `page`."""

from epicycle.spec.kinds import PRESETS
from epicycle.spec.plain_data import Plain
from epicycle.spec.preset import Preset, Published
from epicycle.spec.registry import load_preset
from epicycle.spec.yaml_text import dump_yaml

HEAD = """# Presets

A preset is a published setting of grokking, with the source of each of its numbers. Use one to repeat a published run, to start a
study from a known setting, or to see in what two papers differ. Each preset also says where its sources contradict each other, what
this library does differently, and what was published about the runs, so that a repeated run can be compared.

- `epicycle presets NAME` prints one preset with the source of every number.
- `ep.preset("NP")` gives a preset in Python; its `experiment` can be trained or changed.
- `{preset: NP, training: {steps: 20000}}` stands for an experiment in YAML: the preset NP with the listed fields changed.
- `ep.swaps(a, b)` makes arms that each take one factor of preset `b` into preset `a`, to find the factor that matters.

This page is written by `python -m epicycle.presets.preset_pages > docs/presets.md`.

"""
COLUMNS = ("task", "split", "network", "optimiser", "batch", "loss", "steps")


def described(preset: Preset) -> dict[str, str]:
    """A preset in one line of a table.

    Args:
        preset: the preset.

    Returns:
        Name of a column -> a short phrase, for each of `COLUMNS`.
    """
    experiment = preset.experiment
    plain: Plain = experiment.model_dump(mode="json")
    task, split, training = plain["task"], plain["split"], plain["training"]
    operation = f"{task['operation']} mod {task['p']}" if "p" in task else f"{task['variant']} in {task['group']}"
    optimiser, loss = training["optimiser"], training["loss"]
    betas = f", betas {' '.join(f'{beta:g}' for beta in optimiser['betas'])}" if "betas" in optimiser else ""
    schedule = "" if training["schedule"] == "constant" else f", {training['schedule']}"
    batch = "full" if training["batch_size"] is None else f"{training['batch_size']}{' drawn anew' * training['replacement']}"
    return {
        "task": f"{operation}, '{task['form']}'",
        "split": f"{split['frac_train']:.0%} {split['kind']}",
        "network": _network(plain["model"]),
        "optimiser": f"{optimiser['kind']}, lr {optimiser['lr']:g}, decay {optimiser['weight_decay']:g}{betas}",
        "batch": f"{batch}, warm-up {training['warmup']:g}{schedule}",
        "loss": f"{loss['kind']} {loss.get('precision', '')}".strip(),
        "steps": f"{training['steps']:,}",
    }


def details(preset: Preset) -> str:
    """All that is known about a preset, as plain text: papers, code, the experiment in YAML, and where each value was read."""
    lines = [f"{preset.name}: {preset.title}"]
    lines += [f"  {paper.authors} {paper.year}, {paper.title} (arXiv {paper.arxiv})" for paper in preset.papers]
    lines += [f"  code: {_code(preset)}"]
    if preset.data_seed is not None:
        lines += [f"  data_seed {preset.data_seed} trains on the published rows"]
    lines += ["", dump_yaml(preset.experiment.model_dump(mode="json")).rstrip()]
    lines += ["", "Where the values were read"]
    lines += [f"  {', '.join(citation.paths)}: {citation.source}" for citation in preset.where]
    for title, sentences in _sections(preset):
        lines += ["", title, *(f"  - {sentence}" for sentence in sentences)]
    return "\n".join(lines)


def page() -> str:
    """The text of docs/presets.md, in Markdown: a table of all presets, then a section for each."""
    presets = [load_preset(name) for name in PRESETS]
    parts = [HEAD, _row(("name", *COLUMNS)), _row(("---",) * (1 + len(COLUMNS)))]
    parts += [_row((preset.name, *described(preset).values())) for preset in presets]
    for preset in presets:
        papers = "; ".join(f"{paper.authors} {paper.year}, arXiv {paper.arxiv}" for paper in preset.papers)
        parts.append(f"\n## {preset.name}: {preset.title}\n\n{papers}. Code: {_code(preset)}.\n")
        for title, sentences in _sections(preset):
            parts.append(f"\n{title}:\n\n" + "".join(f"- {sentence}\n" for sentence in sentences))
    return "".join(parts)


def _code(preset: Preset) -> str:
    return preset.code or "no code was available"


def _sections(preset: Preset) -> list[tuple[str, tuple[str, ...]]]:
    """Title and sentences of each section that has any."""
    sections = [
        ("Where its sources disagree", preset.disagreements),
        ("What is different here", preset.differs_here),
        ("Published results", tuple(_result(entry) for entry in preset.published)),
    ]
    return [(title, sentences) for title, sentences in sections if sentences]


def _result(entry: Published) -> str:
    first, last = entry.steps or (0, 0)
    value = entry.value or (f"step {last:,}" if first == last else f"steps {first:,} to {last:,}")
    changes = ", ".join(f"{path} = {changed}" for path, changed in entry.changes.items())
    return f"{entry.what}{f' with {changes}' * bool(changes)}: {value} ({entry.source})"


def _network(model: Plain) -> str:
    if model["kind"] == "transformer":
        norm = "no norm" if model["norm"] == "none" else f"norm {model['norm']}"
        return f"transformer {model['n_layers']} x {model['d_model']}, {model['n_heads']} heads, {model['act_fn']}, {norm}"
    if model["kind"] == "mlp":
        return f"mlp {model['n_layers']} x {model['d_mlp']}, {model['operands']}, {model['act_fn']}"
    return f"{model['kind']} {model['d_mlp']}, {model['scaling']}"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    print(page(), end="")
