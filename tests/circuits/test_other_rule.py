"""A rule beside that of the task, planted in logits: its strength and its use are told apart."""

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.other_rule import OfRule, RuleAccuracy
from epicycle.circuits.strength import GenLogit
from epicycle.spec.errors import InputError
from epicycle.tasks.modular import Modular
from tests.circuits.test_gen_and_mem import circuit, everything, snapshot

DIFFERENCE, SUM = Modular(p=11, operation="x-y"), Modular(p=11, operation="x+y")
OF_SUM = OfRule(of=GenLogit(), rule=SUM, called="sum")


def test_the_strength_of_the_other_rule_is_found_beside_a_stronger_one() -> None:
    """Logits of the difference, and a fiftieth of those of the sum: each rule gets what is its own."""
    own, other = circuit(DIFFERENCE, everything(DIFFERENCE)), circuit(SUM, everything(SUM))
    own_lead = float(GenLogit().fn(snapshot(DIFFERENCE, own)))
    both = snapshot(DIFFERENCE, own + 0.02 * other, share=0.0)
    assert float(OF_SUM.fn(both)) == pytest.approx(0.02 * own_lead, rel=0.01)
    assert float(GenLogit().fn(both)) == pytest.approx(own_lead, rel=0.01)
    assert float(OF_SUM.fn(snapshot(DIFFERENCE, own, share=0.0))) == pytest.approx(0, abs=0.01 * own_lead)


def test_use_is_the_share_of_rows_answered_by_the_rule_where_the_two_differ() -> None:
    mine, other = DIFFERENCE.table().labels, SUM.table().labels
    differ = mine != other
    by_sum = np.random.default_rng(0).random(121) < 0.3
    logits = np.eye(11)[np.where(by_sum, other, mine)]
    use = RuleAccuracy(rule=SUM, called="sum", rows="all")
    assert float(use.fn(snapshot(DIFFERENCE, logits))) == pytest.approx(by_sum[differ].mean())
    assert float(use.fn(snapshot(DIFFERENCE, np.eye(11)[other]))) == 1.0
    assert float(use.fn(snapshot(DIFFERENCE, np.zeros((121, 11))))) == 0.0, "a tie is no answer"
    assert jnp.isnan(RuleAccuracy(rule=DIFFERENCE, called="own").fn(snapshot(DIFFERENCE, logits))), "they never differ"


def test_series_are_named_by_the_rule() -> None:
    assert (OF_SUM.name, RuleAccuracy(rule=SUM, called="sum").name) == ("gen_logit_of_sum", "test_acc_by_sum")
    by_component = OfRule(of=GenLogit(by_component=True), rule=SUM, called="sum")
    assert by_component.coords({}, DIFFERENCE) == {"component": ["1", "2", "3", "4", "5"]}
    with pytest.raises(InputError, match="called"):
        OfRule.parse({"of": {"kind": "gen_logit"}, "rule": {"kind": "modular", "p": 11}, "called": "a rule"})
