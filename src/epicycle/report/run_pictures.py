"""Pictures of runs in a notebook: the same as on the page of a study."""

from collections.abc import Mapping
from typing import Any

import xarray

from epicycle.report.curve_figure import curve_figure
from epicycle.report.picture_figure import picture_figure
from epicycle.report.picture_forms import picture
from epicycle.report.run_groups import point_texts, runs_by_point
from epicycle.spec.figure import Figure
from epicycle.spec.results import swept_names


def plot_of_runs(data: xarray.Dataset, fields: Mapping[str, Any]) -> Any:
    """A plotly figure of runs, with a panel for each combination of what they sweep.

    Args:
        data: the runs, with one axis for all of them.
        fields: of the figure, beside its arms.

    Raises:
        InputError: a field is unknown or refused, or the series was not recorded or does not fit the form.
    """
    swept = swept_names(data)
    groups = runs_by_point(data, swept)
    arms = {", ".join(point_texts(swept, point)) or "runs": data.isel(run=runs) for point, runs in groups.items()}
    figure = Figure.parse({"title": str(fields.get("form", "curves")), **fields, "arms": list(arms)}, "picture")
    return curve_figure(figure, arms) if figure.form == "curves" else picture_figure(picture(figure, arms))
