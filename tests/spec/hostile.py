"""Valid studies, and studies with mistakes of all kinds, as strategies of hypothesis."""

import copy
from typing import Any

from hypothesis import strategies as st

from epicycle.spec.yaml_text import dump_yaml

Plain = Any

OPTIMISERS = st.sampled_from(
    [
        {"kind": "adamw", "weight_decay": 0.5},
        {"kind": "sgd", "momentum": 0.9, "nesterov": True},
        {"kind": "rmsprop"},
        {"kind": "lion", "decay_to": "initialisation"},
        {"kind": "muon", "groups": [{"tensors": ["W_U"], "lr_scale": 0.25}]},
    ]
)
MODULAR = st.fixed_dictionaries(
    {"kind": st.just("modular"), "p": st.sampled_from([2, 5, 7]), "operation": st.sampled_from(["x+y", "x-y", "x/y", "x^2+xy+y^2"])},
    optional={"form": st.sampled_from(["x y =", "x y", "x o y =", "eos x o y = z eos"])},
)
TASKS = st.one_of(
    MODULAR,
    st.sampled_from(["S3", "C2 x C2", "D4"]).map(lambda group: {"kind": "composition", "group": group}),
    st.just({"kind": "modular", "p": 5, "operation": "polynomial", "terms": [[1, 2, 0], [3, 0, 1]]}),
    st.just({"kind": "random_table", "n": 5, "latin": True}),
    MODULAR.map(lambda task: {"kind": "random_labels", "of": task}),
    MODULAR.map(lambda task: {"kind": "without_diagonal", "of": task}),
)
SPLITS = st.sampled_from(
    [
        {"kind": "random", "frac_train": 0.5},
        {"kind": "mirror_forced"},
        {"kind": "python_shuffle"},
        {"kind": "corrupted", "of": {"kind": "random"}, "share": 0.1},
        {"kind": "withheld", "of": {"kind": "random"}, "share": 0.1, "until": 10},
        {"kind": "listed", "rows": [0, 1, 2, 3]},
    ]
)
MODELS = st.sampled_from(
    [
        {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 8},
        {"kind": "transformer", "d_model": 8, "n_heads": 2, "norm": "pre", "dropout": 0.1, "biases": []},
        {"kind": "mlp", "n_layers": 2, "d_model": 4, "d_mlp": 8},
        {"kind": "quadratic", "d_mlp": 8},
    ]
)
TRAINING = st.fixed_dictionaries(
    {"optimiser": OPTIMISERS, "steps": st.integers(1, 300)},
    optional={
        "batch_size": st.just(4),
        "warmup": st.just(5),
        "stop": st.sampled_from([None, {"event": "t_gen", "factor": 1.5}]),
        "courses": st.just([{"of": "lr", "steps": [10, 20], "values": [0.001, 0.002]}]),
        "frozen": st.just(["W_E"]),
    },
)
EXPERIMENTS = st.fixed_dictionaries({"task": TASKS, "model": MODELS, "training": TRAINING}, optional={"split": SPLITS})
EDITS = st.sampled_from(
    [
        {"kind": "scale", "knob": "lr", "by": 2},
        {"kind": "set", "knob": "lr", "to": 0.1, "over": 5, "until": "t_gen"},
        {"kind": "change", "field": "training.batch_size", "to": 2},
        {"kind": "remove", "share": 0.5},
        {"kind": "reweight", "rows": [1, 2], "weight": 2},
        {"kind": "scale_weights", "tensors": ["W_*"], "by": 0.5},
        {"kind": "zero_units", "tensors": ["W_U"], "axis": 0, "units": [1]},
        {"kind": "transplant", "tensors": ["W_U"], "donor": "plain"},
        {"kind": "reset_moments"},
    ]
)
CLAIMS = st.sampled_from(
    [
        {"kind": "event_ratio", "event": "t_gen", "over": "t_mem", "arm": "plain"},
        {"kind": "event_time", "event": "t_gen", "arm": "swept", "where": {"lr": 0.01}, "unit": "log"},
        {"kind": "value_at", "series": "test_acc", "at": "0.5*t_gen", "arm": "plain", "minus": "baseline"},
        {
            "kind": "share",
            "event": "t_on",
            "arm": "plain",
            "detectors": {"low": {"kind": "threshold", "of": "test_acc", "level": 0.5}},
        },
        {"kind": "slope", "of": {"kind": "event_time", "event": "t_gen", "arm": "swept"}, "along": "lr", "log": True},
        {"kind": "variance_share", "of": {"kind": "extreme", "series": "test_acc", "arm": "plain"}},
        {"kind": "log_remaining_time", "event": "t_gen", "arm": "forks", "against": "plain"},
        {"kind": "change_points", "series": "test_acc", "arm": "plain", "since": "t_mem"},
    ]
).map(lambda statistic: {"id": "late", "statistic": statistic, "supported_if": {"above": 3}, "refuted_if": {"below": 2}})


@st.composite
def studies(draw: st.DrawFn) -> Plain:
    """A study that is valid, or nearly so: parts that do not fit each other may meet."""
    experiment = draw(EXPERIMENTS)
    seeds = draw(st.sampled_from([2, 8, [3, 4, 5, 6, 7, 8, 9]]))
    arms = {
        "plain": {"experiment": experiment, "seeds": seeds, "data_seeds": draw(st.sampled_from([None, 0, [0, 1]]))},
        "swept": {"experiment": experiment, "seeds": 7, "sweep": {"training.optimiser.lr": [0.001, 0.01]}},
        "forks": {"fork": "plain", "at": draw(st.sampled_from([0, 5, "t_mem", "0.5*t_gen", "test_acc>=0.5", "peak(test_loss)"]))},
    }
    arms["forks"] |= {"edits": draw(st.lists(EDITS, max_size=2))}
    figure = draw(
        st.sampled_from(
            [
                {"title": "When?", "arms": ["plain"], "series": ["train_acc", "test_acc"]},
                {"title": "Is $x$ late?", "arms": ["swept"], "quantities": [{"kind": "event_time", "event": "t_gen", "arm": "plain"}]},
            ]
        )
    )
    study = {"question": "Does it?", "arms": arms, "claims": [draw(CLAIMS)], "figures": [figure]}
    profile = {"seeds": 2, "pilot": True, "assign": {"training.steps": 5}}
    study |= {"profiles": {"quick": profile}} if draw(st.booleans()) else {}
    return study | draw(st.sampled_from([{}, {"organism": "fly", "organisms": {"mouse": {"assign": {"training.steps": 7}}}}]))


DEEP: Plain = "x"
for _ in range(45):
    DEEP = [DEEP]
VALUES = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            -1,
            0,
            1,
            2**31,
            2**32,
            2**63,
            10**12,
            10**30,
            10**38,
            -(10**30),
            1e308,
            float("inf"),
            float("-inf"),
            float("nan"),
            0.5,
            -0.0,
        ]
    ),
    st.sampled_from(
        [
            "",
            "t_nope",
            "x" * 20_000,
            "$\\frac{",
            "<b>",
            "../../x",
            ".x:y",
            "os:system",
            "no:thing:here",
            "ᚠ",
            "a\nb",
            "1e400",
            "0",
            ".nan",
        ]
    ),
    st.sampled_from(
        [[], {}, [[]], [1] * 2000, ["a", 1, None], {"kind": "adamw"}, {"kind": None}, {"kind": ["adamw"]}, {"self": 1}, DEEP]
    ),
    st.sampled_from(["t_gen", "lr", "plain", "forks", "W_E", "0*t_gen", "9" * 300 + "*t_gen", "t_gen(level=1e99)", "test_acc>=1e999"]),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
)
NAMES = st.sampled_from(
    [
        "seeds",
        "data_seeds",
        "first_seed",
        "first_data_seed",
        "sweep",
        "steps",
        "kind",
        "self",
        "preset",
        "of",
        "at",
        "edits",
        "",
        "x" * 5000,
        "training",
        "fork",
    ]
)
TEXTS = st.sampled_from(
    [
        "!!float nope",
        "!!bool maybe",
        "!!int ''",
        "!!binary x",
        "!!python/object:os.system x",
        "9" * 6000,
        "0x" + "f" * 6000,
        "*a",
        "&a [*a]",
        "[" * 3000,
        "{a: " * 100,
        "- " * 100,
        "2020-99-99",
        "!!timestamp x",
        "{1: 2}",
        "{[1]: 2}",
        "{null: 1}",
        "<<: 5",
        "'",
        '"',
        "\x00",
        "\ud800",
        "{a: 1, a: 2}",
        "%",
        "@",
        "`",
        "|",
        ">",
        "? x",
        "!!set {a}",
        "!<x> 1",
        "--- b",
        "...",
        "\t",
        "# x",
        ": :",
        "[1, 2",
        "\ufeff",
    ]
)
# A few hundred characters that stand for up to 9^8 entries.
BOMBS = [
    f"[&x0 [1, 2, 3, 4, 5, 6, 7, 8, 9], {', '.join(f'&x{i} [' + ', '.join([f'*x{i - 1}'] * 9) + ']' for i in range(1, levels))}]"
    for levels in (3, 5, 9)
]


def _places(value: Plain, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a study."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for name, entry in inner for each in _places(entry, (*path, name)))]


def _changed(study: Plain, path: tuple[Any, ...], draw: st.DrawFn) -> Plain:
    """The study with one thing changed at a path."""
    if not path:
        return draw(VALUES)
    changed = copy.deepcopy(study)
    parent = changed
    for step in path[:-1]:
        parent = parent[step]
    how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "copy", "wrap"]))
    if how == "replace":
        parent[path[-1]] = draw(VALUES)
    elif how == "remove":
        del parent[path[-1]]
    elif how == "rename" and isinstance(parent, dict):
        parent[draw(NAMES)] = parent.pop(path[-1])
    elif how == "copy":
        parent[path[-1]] = copy.deepcopy(draw(st.sampled_from(_places(study)).map(lambda other: _at(study, other))))
    else:
        parent[path[-1]] = [parent[path[-1]]]
    return changed


def _at(value: Plain, path: tuple[Any, ...]) -> Plain:
    for step in path:
        value = value[step]
    return value


@st.composite
def documents(draw: st.DrawFn) -> str:
    """The text of a study, mutated up to three times; now and then in its text as well."""
    study = draw(studies())
    for _ in range(draw(st.integers(0, 3))):
        places = _places(study)
        study = _changed(study, draw(st.sampled_from(places)), draw)
    text = dump_yaml(study)
    how = draw(st.sampled_from(["whole", "whole", "whole", "value", "value", "cut"]))
    if how == "value":  # another text in the place of a value, or anywhere
        colons = [i + 2 for i in range(len(text)) if text.startswith(": ", i)] or [0]
        at = draw(st.sampled_from(colons))
        end = min((text.find(mark, at) for mark in ",}]\n" if text.find(mark, at) > 0), default=len(text))
        return text[:at] + draw(st.one_of(TEXTS, st.sampled_from(BOMBS))) + text[draw(st.sampled_from([at, end])) :]
    if how == "cut":
        at = draw(st.integers(0, len(text)))
        return text[:at] + text[draw(st.integers(at, len(text))) :]
    return text
