"""Every kind of statistic is tested in this folder."""

from pathlib import Path

from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve


def test_every_kind_of_statistic_is_made_in_a_test() -> None:
    source = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [kind for kind in KINDS["statistic"] if f"{resolve('statistic', kind).__name__}(" not in source] == []
