"""The templates of the page, from the folder `templates`. Jinja escapes every value that it puts into them."""

from functools import cache
from typing import TYPE_CHECKING, Any

from epicycle.report.style import VERDICTS

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(template: str, **values: Any) -> str:
    """A template filled with values. What the values say is text, whoever wrote it: no tag, script or template in it takes effect.

    Args:
        template: the name of a file in the folder `templates`.
        values: name in the template -> value.
    """
    return _environment().get_template(template).render(values) + "\n"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("epicycle.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["styles"] = VERDICTS
    environment.policies["json.dumps_function"] = _figure_json  # `tojson` escapes what would end the script element
    return environment


def _figure_json(figure: Any, **_: Any) -> str:
    """A plotly figure as JSON, with its arrays in plotly's compact form."""
    return figure.to_json()
