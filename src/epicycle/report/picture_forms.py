"""Which function makes a picture of each form."""

from collections.abc import Callable, Mapping

import xarray

from epicycle.report.moment_pictures import answer_map, circles, neurons, ridges
from epicycle.report.pictures import Picture
from epicycle.report.step_pictures import component_curves, heat_map
from epicycle.spec.figure import Figure, Form

FORMS: dict[Form, Callable[[Figure, Mapping[str, xarray.Dataset]], Picture]] = {
    "heat_map": heat_map,
    "component_curves": component_curves,
    "ridges": ridges,
    "circles": circles,
    "neurons": neurons,
    "answer_map": answer_map,
}


def picture(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Picture:
    """The picture that a figure asks for.

    Raises:
        InputError: its series was not recorded, or does not fit the form.
    """
    return FORMS[figure.form](figure, arms)
