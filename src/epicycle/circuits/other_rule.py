"""How strong another rule is in a network than the one of its task, and how often the network answers by it.

A network may build up an algorithm that does not decide its answers (R154, R161 of the programme). So strength and use are measured
apart.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.maths.cross_entropy import margins
from epicycle.measures.fit import mean_over
from epicycle.spec.families import AnyMeasure, AnyTask, Measure, Task
from epicycle.spec.fields import static

NAME = r"^[A-Za-z]\w{0,29}$"


class OfRule(Measure):
    """A measure of circuits, taken for another rule than that of the task: the strength of its algorithm, its frequencies.

    Attributes:
        of: the measure, such as `{kind: gen_logit}`.
        rule: a task with the same rows, whose right answers are those of the rule.
        called: what the rule is called in the name of the series.
    """

    kind: ClassVar[str] = "of_rule"

    of: AnyMeasure
    rule: AnyTask
    called: str = static(pattern=NAME)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the measure."""
        return self.of.dims

    @property
    def name(self) -> str:
        """`gen_logit_of_sum`, where the rule is called `sum`."""
        return f"{self.of.name}_of_{self.called}"

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of the measure."""
        return self.of.needs

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """The value of the measure, were the rule the task."""
        return self.of.fn({name: self.rule if name == "task" else snapshot[name] for name in self.of.needs})

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The labels along the measure's axes, were the rule the task."""
        del task
        return self.of.coords(params, self.rule)


class RuleAccuracy(Measure):
    """Share of the rows that the network answers by another rule, where this rule and the labels differ.

    Attributes:
        rule: a task with the same rows, whose right answers are those of the rule.
        called: what the rule is called in the name of the series.
        rows: the rows that count, see `Accuracy`.
    """

    kind: ClassVar[str] = "rule_accuracy"

    rule: AnyTask
    called: str = static(pattern=NAME)
    rows: Literal["train", "test", "all"] = static("test")

    @property
    def name(self) -> str:
        """`test_acc_by_sum`, where the rule is called `sum`."""
        return f"{self.rows}_acc_by_{self.called}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The logits and labels of all rows, and the rows that count."""
        return ("logits", "labels", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1; NaN if the rule and the labels differ on no such row. A tie counts as another answer."""
        logits, answers = snapshot["logits"], jnp.asarray(self.rule.table().labels)
        by_rule = (margins(logits, answers) > 0).astype(logits.dtype)
        return mean_over(by_rule, snapshot[self.rows] & (answers != snapshot["labels"]))
