"""A figure of a study: what it shows, and in which form."""

from typing import Literal

from pydantic import Field, model_validator

from epicycle.spec.base import Spec
from epicycle.spec.families import AnyStatistic
from epicycle.spec.limits import MOST_ARMS

Form = Literal["curves", "component_curves", "heat_map", "ridges", "circles", "neurons", "answer_map"]

# The axes that the series of a picture has beside run and step; "any" stands for one axis of any name.
AXES_OF_FORM: dict[Form, tuple[str, ...]] = {
    "curves": (),
    "component_curves": ("any",),
    "heat_map": ("any",),
    "ridges": ("any",),
    "circles": ("component", "coordinate", "element"),
    "neurons": ("component", "neuron"),
    "answer_map": ("x", "y"),
}
# What records a series for a form.
MEASURES_OF_FORM: dict[Form, str] = {
    "curves": "{kind: gen_logit}",
    "component_curves": "{kind: component_power, where: embedding}",
    "heat_map": "{kind: component_power, where: embedding}",
    "ridges": "{kind: neuron_share}",
    "circles": "{kind: token_circles, where: embedding}",
    "neurons": "{kind: neuron_share, by_component: true}",
    "answer_map": "{kind: answer_map}",
}
MOMENTS = ("start", "t_mem", "0.5*t_on", "t_on", "t_gen", "end")


class Figure(Spec):
    """One figure.

    Attributes:
        title: the question that the figure answers.
        arms: the arms that the figure shows.
        series: curves over steps, with a panel for each arm. Forks that are listed with an arm they descend from are drawn over that
            arm, on its step axis, with a panel for each of its runs.
        form: how series are shown. `curves` takes series with one number at a step. Each of the others takes one series with several:
            `heat_map` and `component_curves` show them over steps, `ridges` their distribution at moments, `circles` tokens on the
            circles of the strongest frequencies, `neurons` how much of each neuron each component explains, and `answer_map` which
            pairs are right.
        moments: when `ridges`, `circles`, `neurons` and `answer_map` are shown; a slider moves through them.
        ranked: for `heat_map` and `component_curves`, whether each run's values are sorted by their size at the end. Without it, a
            median over runs says little where the entries of the axis differ from run to run, as frequencies do.
        null_band: for curves, a series or an arm that shows what is measured where there is nothing to find: a band from the 5th to
            the 95th percentile of its runs. Of an arm it is the first series.
        log: for curves, whether the value axis is logarithmic; values that are not above 0 are not drawn. Losses have such an axis
            in any case.
        quantities: instead of series, one number a run, as points. The arm that a quantity names stands for every arm of the figure.
            A fork that does not descend from the arm `against` of `log_remaining_time` is compared with its own parent arm.
        along: for quantities, the swept name (or seed, data_seed) on the other axis; empty for the arms themselves.
        events: events marked on the step axis of curves.
        decides: id of the claim that the figure decides; empty for none.
        proportional: for log remaining times along a swept number: whether a dashed line shows where forks lie that are as many times
            faster as the number is large.
    """

    title: str = Field(max_length=1000)
    arms: tuple[str, ...] = Field(min_length=1, max_length=MOST_ARMS)
    series: tuple[str, ...] = Field((), max_length=100)
    form: Form = "curves"
    moments: tuple[str, ...] = Field(MOMENTS, min_length=1, max_length=20)
    ranked: bool = False
    null_band: str = ""
    log: bool = False
    quantities: tuple[AnyStatistic, ...] = Field((), max_length=20)
    along: str = ""
    events: tuple[str, ...] = Field(("t_mem", "t_gen"), max_length=20)
    decides: str = ""
    proportional: bool = False

    @model_validator(mode="after")
    def _shows_one_thing(self) -> "Figure":
        if bool(self.series) == bool(self.quantities):
            raise ValueError(f"figure '{self.title}' shows either series or quantities; give one of them")
        for quantity in self.quantities:
            if not hasattr(quantity, "per_run"):
                raise ValueError(f"figure '{self.title}' shows one number a run, and {quantity.kind} gives none")
        if self.proportional and not (self.along and self.quantities and all(quantity.of_forks for quantity in self.quantities)):
            raise ValueError(f"figure '{self.title}': 'proportional' needs quantities of forks, and a swept name in 'along'")
        if self.form != "curves" and len(self.series) != 1:
            raise ValueError(f"figure '{self.title}': a picture of the form {self.form} shows one series; name one")
        if self.form != "curves" and (self.null_band or self.log):
            raise ValueError(f"figure '{self.title}': 'null_band' and 'log' go with curves, not with {self.form}")
        return self

    def axes_flaw(self, axes: tuple[str, ...]) -> str:
        """Why a series with these axes, beside run and step, cannot be shown in the figure's form; empty where it can."""
        wanted = AXES_OF_FORM[self.form]
        if self.form == "curves" or axes == wanted or (wanted == ("any",) and len(axes) == 1):
            return ""
        needs = "one axis beside the steps" if wanted == ("any",) else f"the axes {', '.join(wanted)}"
        has = f"has {', '.join(axes)}" if axes else "has one number at a step"
        fitting = MEASURES_OF_FORM[self.form]
        return f"{self.form} shows a series with {needs}, and {self.series[0]} {has}; the measure {fitting} records one that fits"
