"""Patching: what changes is what the formulas say, and nothing else changes by a bit."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle import MLP, InputError, Modular, Transformer
from epicycle.circuits.patching import patched, path_patched
from epicycle.spec.families import Model

TABLE = Modular(p=7).table()
INPUTS = jnp.asarray(TABLE.inputs)
DONORS = INPUTS[np.random.default_rng(0).permutation(len(INPUTS))]
ONE = Transformer(d_model=12, n_heads=3, d_mlp=10)
TWO = Transformer(n_layers=2, d_model=12, n_heads=3, d_mlp=10, act_fn="gelu")


def network(model: Model) -> tuple[Any, Any, Any]:
    """Parameters, and the activations on the inputs and on the donors."""
    params = model.init(jax.random.key(0), TABLE)
    return params, model.apply(params, INPUTS)[1], model.apply(params, DONORS)[1]


@pytest.mark.parametrize(
    ("model", "site"), [(ONE, "blocks.0.hook_resid_pre"), (TWO, "blocks.1.hook_resid_pre"), (MLP(d_mlp=9), "blocks.0.mlp.hook_pre")]
)
def test_a_site_that_carries_everything_gives_the_donors_logits(model: Model, site: str) -> None:
    params, clean, other = network(model)
    logits, _ = patched(model, params, INPUTS, DONORS, site)
    assert np.array_equal(logits, other["hook_logits"])
    assert not np.allclose(logits, clean["hook_logits"])
    unchanged, _ = patched(model, params, INPUTS, INPUTS, site)
    assert np.array_equal(unchanged, clean["hook_logits"])


def test_a_head_changes_and_nothing_beside_it() -> None:
    params, clean, other = network(TWO)
    _, after = patched(TWO, params, INPUTS, DONORS, "blocks.0.attn.hook_z", head=1)
    before = list(clean)[: list(clean).index("blocks.0.attn.hook_z")]
    assert all(np.array_equal(after[name], clean[name]) for name in before)
    z = np.asarray(after["blocks.0.attn.hook_z"])
    assert np.array_equal(z[:, :, 1], other["blocks.0.attn.hook_z"][:, :, 1])
    assert np.array_equal(z[:, :, [0, 2]], clean["blocks.0.attn.hook_z"][:, :, jnp.asarray([0, 2])])


def test_the_way_from_a_head_to_the_mlp() -> None:
    """The MLP reads the head of the donors; the logits read the head of the inputs."""
    params, clean, other = network(ONE)
    _, after = path_patched(ONE, params, INPUTS, DONORS, "blocks.0.attn.hook_z", "blocks.0.mlp.hook_pre", head=1)
    change = (other["blocks.0.attn.hook_z"] - clean["blocks.0.attn.hook_z"])[:, :, 1] @ params["W_O"][0, 1] @ params["W_in"][0]
    assert np.abs(change).max() > 0.01
    expected = np.asarray(clean["blocks.0.mlp.hook_pre"] + change)
    assert np.asarray(after["blocks.0.mlp.hook_pre"]) == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(after["blocks.0.hook_resid_mid"], clean["blocks.0.hook_resid_mid"])
    assert not np.allclose(after["hook_logits"], clean["hook_logits"], atol=1e-4)


@pytest.mark.parametrize(("sender", "writes"), [("blocks.0.attn.hook_v", "hook_attn_out"), ("blocks.0.mlp.hook_pre", "hook_mlp_out")])
def test_the_way_from_a_layer_to_the_queries_of_the_next(sender: str, writes: str) -> None:
    """The queries change by what the sender's own layer writes; the other layer in between writes what it wrote."""
    params, clean, _ = network(TWO)
    _, direct = patched(TWO, params, INPUTS, DONORS, sender)
    _, after = path_patched(TWO, params, INPUTS, DONORS, sender, "blocks.1.attn.hook_q")
    written = direct[f"blocks.0.{writes}"] - clean[f"blocks.0.{writes}"]
    expected = clean["blocks.1.attn.hook_q"] + jnp.einsum("bpd,hde->bphe", written, params["W_Q"][1])
    assert np.asarray(after["blocks.1.attn.hook_q"]) == pytest.approx(np.asarray(expected), abs=1e-5)
    assert np.array_equal(after["blocks.1.attn.hook_k"], clean["blocks.1.attn.hook_k"])
    assert not np.allclose(after["blocks.1.attn.hook_q"], clean["blocks.1.attn.hook_q"], atol=1e-3)


def test_what_does_not_fit_is_refused() -> None:
    params, _, _ = network(ONE)
    for arguments, message in (
        (("blocks.0.attn.hook_zz", None), "did you mean 'blocks.0.attn.hook_z'"),
        (("blocks.0.attn.hook_z", 3), "has no head 3"),
        (("blocks.0.mlp.hook_pre", 0), "take hook_q, hook_k, hook_v or hook_z"),
    ):
        with pytest.raises(InputError, match=message):
            patched(ONE, params, INPUTS, DONORS, *arguments)
    with pytest.raises(InputError, match="one donor for each row"):
        patched(ONE, params, INPUTS, DONORS[:3], "hook_embed")
    with pytest.raises(InputError, match="is not after"):
        path_patched(ONE, params, INPUTS, DONORS, "blocks.0.mlp.hook_pre", "blocks.0.attn.hook_q")
    with pytest.raises(InputError, match="receiver: there is no site"):
        path_patched(ONE, params, INPUTS, DONORS, "blocks.0.mlp.hook_pre", "blocks.9.attn.hook_q")
