"""Presets in words: the lines of `epicycle presets`, and `docs/presets.md`, which a test holds against `page`."""

from typing import Any

from epicycle.spec.kinds import PRESETS
from epicycle.spec.preset import Preset, Published
from epicycle.spec.registry import load_preset
from epicycle.spec.yaml_text import dump_yaml

HEAD = """# Presets

Settings that other people's results rest on, as their code has them. `epicycle presets NAME` prints one with the origin of every
number, `ep.preset("NP")` gives it in Python, and `{preset: NP, training: {steps: 20000}}` takes the place of an experiment in YAML,
the other entries being changes to it. `ep.swaps(a, b)` makes the arms that take one factor of `b` at a time.

This page is written by `python -m epicycle.presets.page > docs/presets.md`.

"""
COLUMNS = ("task", "split", "network", "optimiser", "batch", "loss", "steps")


def described(preset: Preset) -> dict[str, str]:
    """One short phrase for each column."""
    experiment = preset.experiment
    plain: dict[str, Any] = experiment.model_dump(mode="json")
    task, split, training = plain["task"], plain["split"], plain["training"]
    what = f"{task['operation']} mod {task['p']}" if "p" in task else f"{task['variant']} in {task['group']}"
    optimiser, loss = training["optimiser"], training["loss"]
    betas = f", betas {' '.join(f'{beta:g}' for beta in optimiser['betas'])}" if "betas" in optimiser else ""
    schedule = "" if training["schedule"] == "constant" else f", {training['schedule']}"
    batch = "full" if training["batch_size"] is None else f"{training['batch_size']}{' drawn anew' * training['replacement']}"
    return {
        "task": f"{what}, '{task['form']}'",
        "split": f"{split['frac_train']:.0%} {split['kind']}",
        "network": _network(plain["model"]),
        "optimiser": f"{optimiser['kind']}, lr {optimiser['lr']:g}, decay {optimiser['weight_decay']:g}{betas}",
        "batch": f"{batch}, warm-up {training['warmup']:g}{schedule}",
        "loss": f"{loss['kind']} {loss.get('precision', '')}".strip(),
        "steps": f"{training['steps']:,}",
    }


def details(preset: Preset) -> str:
    """Everything about a preset, in plain text."""
    lines = [f"{preset.name}: {preset.title}"]
    lines += [f"  {paper.authors} {paper.year}, {paper.title} (arXiv {paper.arxiv})" for paper in preset.papers]
    lines += [f"  code: {preset.code or 'none at hand'}"]
    if preset.data_seed is not None:
        lines += [f"  data_seed {preset.data_seed} trains on the published rows"]
    lines += ["", dump_yaml(preset.experiment.model_dump(mode="json")).rstrip()]
    lines += ["", "Where it comes from"]
    lines += [f"  {', '.join(origin.paths)}: {origin.source}" for origin in preset.where]
    for title, told in _sections(preset):
        lines += ["", title, *(f"  - {line}" for line in told)]
    return "\n".join(lines)


def page() -> str:
    """The reference page, in Markdown."""
    every = [load_preset(name) for name in PRESETS]
    parts = [HEAD, _row(("name", *COLUMNS)), _row(("---",) * (1 + len(COLUMNS)))]
    parts += [_row((preset.name, *described(preset).values())) for preset in every]
    for preset in every:
        papers = "; ".join(f"{paper.authors} {paper.year}, arXiv {paper.arxiv}" for paper in preset.papers)
        parts.append(f"\n## {preset.name}: {preset.title}\n\n{papers}. Code: {preset.code or 'none at hand'}.\n")
        for title, told in _sections(preset):
            parts.append(f"\n{title}:\n\n" + "".join(f"- {line}\n" for line in told))
    return "".join(parts)


def _sections(preset: Preset) -> list[tuple[str, tuple[str, ...]]]:
    sections = [
        ("What its sources state differently", preset.disagreements),
        ("What is otherwise here", preset.differs_here),
        ("What is known of it", tuple(_found(entry) for entry in preset.published)),
    ]
    return [(title, told) for title, told in sections if told]


def _found(entry: Published) -> str:
    first, last = entry.steps or (0, 0)
    found = entry.value or (f"step {last:,}" if first == last else f"steps {first:,} to {last:,}")
    changes = ", ".join(f"{path} = {value}" for path, value in entry.changes.items())
    return f"{entry.what}{f' with {changes}' * bool(changes)}: {found} ({entry.source})"


def _network(model: dict[str, Any]) -> str:
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
