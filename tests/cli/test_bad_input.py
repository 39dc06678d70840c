"""One helpful paragraph and exit code 2 for every kind of bad input."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.commands import SMALL, Command, one_paragraph

# The quickstart's network is an MLP.
TRANSFORMER = ("run", "quickstart", "--set", "model={kind: transformer}")

BAD: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "unknown study": (("run", "quickstrat"), ("did you mean 'quickstart'",)),
    "unknown file": (("run", "nowhere.yaml"), ("cannot be read", "No such file")),
    "unknown field": (("run", "quickstart", "--set", "model.d_modle=8"), ("d_modle", "did you mean 'd_model'")),
    "p = 1": (("run", "quickstart", "--set", "task.p=1"), ("task.p", "greater than or equal to 2")),
    "composite p with division": (
        ("run", "quickstart", "--set", "task.p=96", "--set", "task.operation=x/y"),
        ("96 = 2 x 48", "not prime"),
    ),
    "frac_train 0": (("run", "quickstart", "--set", "split.frac_train=0"), ("frac_train", "greater than 0")),
    "frac_train 1.5": (("run", "quickstart", "--set", "split.frac_train=1.5"), ("frac_train", "less than or equal to 1")),
    "task of no task": (("run", "quickstart", "--set", "task={kind: random_labels}"), ("task.of", "Field required")),
    "inside a wrapper": (
        ("run", "quickstart", "--set", "task={kind: without_diagonal, of: {kind: modular, p: 1}}"),
        ("task.of.p", "greater than or equal to 2"),
    ),
    "misspelt inside": (
        ("run", "quickstart", "--set", "task={kind: random_labels, of: {kind: modular, p: 7, sed: 1}}"),
        ("task.of", "unknown field 'sed'"),
    ),
    "nothing off the diagonal": (
        ("run", "quickstart", "--set", "task={kind: without_diagonal, of: {kind: composition, group: C1}}"),
        ("only rows with x = y",),
    ),
    "even and commutative": (
        ("run", "quickstart", "--set", "task={kind: random_table, n: 8, latin: true, commutative: true}"),
        ("odd number", "n = 9"),
    ),
    "structure misspelt": (("run", "quickstart", "--set", "task={kind: random_table, n: 8, latn: true}"), ("did you mean 'latin'",)),
    "no such rows file": (
        ("run", "quickstart", "--set", "split={kind: listed, path: no.txt}"),
        ("split.rows", "no.txt", "No such file"),
    ),
    "rows twice": (("run", "quickstart", "--set", "split={kind: listed, rows: [3, 3]}"), ("split.rows", "lists 3 a second time")),
    "no rows": (("run", "quickstart", "--set", "split={kind: listed, rows: []}"), ("split.rows", "no rows are listed")),
    "row out of range": (
        ("run", "quickstart", "--set", "split={kind: listed, rows: [961]}"),
        ("split.rows: 961 is not a row", "numbered 0 to 960"),
    ),
    "pair out of range": (("run", "quickstart", "--set", "split={kind: listed, rows: [[0, 31]]}"), ("operands (0, 31)", "up to 30")),
    "alternating nothing": (("run", "quickstart", "--set", "split={kind: alternating, frac_train: 0.0001}"), ("none to train on",)),
    "mirror of a random table": (
        ("run", "quickstart", "--set", "task={kind: random_table, n: 9}", "--set", "split={kind: mirror_closed}"),
        ("split mirror_closed needs a task whose operands can be swapped",),
    ),
    "heads": ((*TRANSFORMER, "--set", "model.n_heads=3"), ("n_heads = 3 does not divide d_model",)),
    "attention rate": ((*TRANSFORMER, "--set", "model.attention_rate=2"), ("attention_rate", "less than or equal to 1")),
    "no such activation": (("run", "quickstart", "--set", "model.act_fn=rellu"), ("act_fn", "'relu'")),
    "no such bias": ((*TRANSFORMER, "--set", "model.biases=[b_q]"), ("model.biases", "'b_Q'")),
    "tied to classes": (
        ("run", "quickstart", "--set", "model={kind: transformer, tied: true, d_vocab_out: classes}"),
        ("tied unembedding",),
    ),
    "odd rotation": (("run", "quickstart", "--set", "model={kind: transformer, positions: rotary, d_head: 3}"), ("even width",)),
    "dropout 1": ((*TRANSFORMER, "--set", "model.dropout=1"), ("model.dropout", "less than 1")),
    "no such precision": (("run", "quickstart", "--set", "training.loss.precision=float128"), ("precision", "'float64'")),
    "smoothing all": (("run", "quickstart", "--set", "training.loss.label_smoothing=1"), ("label_smoothing", "less than 1")),
    "no such form": (("run", "quickstart", "--set", "task.form=x + y"), ("task.form", "'x o y ='")),
    "corrupted share": (
        ("run", "quickstart", "--set", "split={kind: corrupted, of: {frac_train: 0.5}, share: 2}"),
        ("split.share", "less than or equal to 1"),
    ),
    "operands later on": (
        ("run", "quickstart", "--set", "model={kind: mlp}", "--set", "task.form=x o y ="),
        ("two operands at the first positions",),
    ),
    "vectors in cross-entropy": (
        ("run", "quickstart", "--set", "model={kind: quadratic}", "--set", "task={kind: toy_addition}"),
        ("cross_entropy needs class labels", "use mse"),
    ),
    "too few outputs": (
        (*TRANSFORMER, "--set", "training.loss={kind: mse}", "--set", "task={kind: toy_addition}"),
        ("gives 10 outputs", "labels need 30", "d_vocab_out"),
    ),
    "corrupted vectors": (
        (
            *(*TRANSFORMER, "--set", "task={kind: toy_addition}", "--set", "training.loss={kind: mse}"),
            *("--set", "model.d_vocab_out=classes", "--set", "split={kind: corrupted, of: {frac_train: 0.5}, share: 0.5}"),
        ),
        ("more than one class",),
    ),
    "no such optimiser": (("run", "quickstart", "--set", "training.optimiser.kind=muno"), ("did you mean 'muon'",)),
    "no such tensor": (
        (*TRANSFORMER, *SMALL, "--set", "training.optimiser.groups=[{tensors: [W_posn], lr_scale: 0.1}]"),
        ("training.optimiser.groups.0.tensors: no tensor is called 'W_posn'; did you mean 'W_pos'?",),
    ),
    "no end of annealing": (("run", "quickstart", "--set", "training.schedule=cosine"), ("needs anneal_steps",)),
    "replacement without batches": (("run", "quickstart", "--set", "training.replacement=true"), ("give batch_size",)),
    "negative budget": (("run", "quickstart", "--set", "training.steps=-10"), ("training.steps", "greater than or equal to 1")),
    "zero seeds": (("run", "quickstart", "--seeds", "0"), ("at least one seed",)),
    "no such organism": (("run", "quickstart", "--organism", "flea"), ("there is no organism 'flea'", "did you mean 'fly'")),
    "an organism that is nothing like ours": (("plan", "quickstart", "--organism", "x"), ("allowed here: canon, fly, mouse",)),
    "a number that the criterion lacks": (
        ("run", "quickstart", "--set", "claims.generalises-later.says=It is 97 times later."),
        ("'says' speaks of '97'", "no number of the criterion", "Its numbers: "),
    ),
    "no value": (("run", "quickstart", "--set", "task.p"), ("PATH=VALUE",)),
    "not yet run": (("show", "quickstart"), ("not an Epicycle results folder",)),
    "unknown option": (("run", "quickstart", "--sedes", "3"), ("--seeds",)),
    "unwritable root": (("run", "quickstart", "--root", "/proc/results"), ("/proc/results",)),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str, tmp_path: Path, command: Command) -> None:
    args, words = BAD[case]
    one_paragraph(command(*args), *words)
    assert not list((tmp_path / "epicycle-results").glob("cohorts/*/*"))
