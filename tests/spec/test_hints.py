"""What a message offers for a name that does not exist: the right spelling of a slip, and never another experiment."""

import random
from pathlib import Path

import pytest

import epicycle as ep
from epicycle.spec.errors import InputError, listed, respelt
from epicycle.spec.kinds import ELSEWHERE, KINDS
from epicycle.spec.registry import load_preset, resolve
from epicycle.studies.study_files import load_file

CASES = Path(__file__).parents[1] / "cases"


def hint(family: str, kind: str) -> str:
    with pytest.raises(ValueError, match=kind) as caught:
        resolve(family, kind)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_adam_is_answered_by_how_adam_is_written() -> None:
    with pytest.raises(InputError) as caught:
        load_file(CASES / "38_adam.yaml")
    message = str(caught.value)
    assert "there is no optimiser of kind 'adam'" in message
    assert "{kind: adamw, weight_decay: 0}" in message
    assert "{kind: adamw, weight_decay: ..., decay_coupling: coupled}" in message
    assert "did you mean" not in message
    for spelling in ("Adam", "ADAM"):
        assert "weight_decay: 0}" in hint("optimiser", spelling)


def test_what_the_message_writes_is_adam() -> None:
    assert ep.Training.parse({"optimiser": {"kind": "adamw", "weight_decay": 0}}).optimiser == ep.AdamW(weight_decay=0)
    coupled = ep.Training.parse({"optimiser": {"kind": "adamw", "weight_decay": 0.1, "decay_coupling": "coupled"}})
    assert coupled.optimiser == ep.AdamW(weight_decay=0.1, decay_coupling="coupled")


# Parts of other codes. None of them is a slip of the pen.
OTHERS = {
    "optimiser": (
        "adam adamax adamp adadelta adafactor adagrad nadam nadamw radam radamw asgd sgdw sgdm sgld nsgd momentum nesterov rprop lamb "
        "lars shampoo soap sophia lbfgs adam8bit adamw2 lion8bit muon2"
    ),
    "loss": "mae rmse msle nll bce focal huber kl binary_cross_entropy squared_hinge mse2 l1 l2",
    "model": "cnn rnn lstm kan gmlp linear cubic gpt2 mlp2 resnet",
    "split": "stratified random_split blocked kfold",
    "task": "random permutation parity modular2 modular_division",
    "edit": "set_weights replace_weights scale_units reset unfreeze relu add_weights",
}


@pytest.mark.parametrize(("family", "kind"), [(family, kind) for family, kinds in OTHERS.items() for kind in kinds.split()])
def test_no_other_part_is_offered(family: str, kind: str) -> None:
    message = hint(family, kind)
    assert "did you mean" not in message
    assert f"allowed here: {', '.join(sorted(KINDS[family]))}." in message


@pytest.mark.parametrize("family", KINDS)
def test_a_slip_of_the_pen_is_offered_its_right_spelling(family: str) -> None:
    rng = random.Random(0)
    for kind in KINDS[family]:
        at = rng.randrange(len(kind) - 1)
        exchanged = kind[:at] + kind[at + 1] + kind[at] + kind[at + 2 :]
        for slip in (kind.upper(), kind.replace("_", "-"), kind.replace("_", ""), kind + kind[-1], exchanged):
            if slip not in KINDS[family] and slip.lower() not in ELSEWHERE.get(family, {}):
                assert f"did you mean '{kind}'?" in hint(family, slip), slip


def test_a_preset_of_another_number_is_not_offered() -> None:
    for name, offered in (("RT-A4", None), ("RT-S6", None), ("rt-a5", "RT-A5"), ("RTA5", "RT-A5"), ("NX", None), ("NPP", "NP")):
        with pytest.raises(InputError) as caught:
            load_preset(name)
        assert ("did you mean" in str(caught.value)) == (offered is not None), name
        assert offered is None or f"did you mean '{offered}'?" in str(caught.value)


def test_slips() -> None:
    assert respelt("chane", ["change", "chance"]) is None, "two are as near"
    assert respelt("Change", ["change", "chance"]) == "change"
    assert respelt("x" * 100_000, ["change"]) is None
    assert respelt("", ["a1"]) is None
    assert listed([]) == "nothing is allowed here."
    assert listed(str(i) for i in range(1000)).endswith("and 940 more.")
