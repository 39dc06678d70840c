"""The colours of figures: series without a colour of their own differ, in a stable order, for colour-blind readers too."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from epicycle.report import paper_figure
from epicycle.report.style import OTHERS, TEST, series_style, series_styles
from epicycle.spec.study import Figure
from tests.claims.planted_arms import STEPS, planted

# What a colour looks like to a reader without one of the three kinds of cones (Machado, Oliveira and Fernandes 2009).
SIGHT = {
    "all cones": np.eye(3),
    "no M cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no L cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no S cones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)


def as_seen(colour: str, sight: object) -> np.ndarray:
    """A colour in CIELAB, where equal distances look equally far apart."""
    part = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(TO_XYZ @ np.clip(np.array(sight) @ linear, 0, 1) / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_other_colours_can_be_told_apart(sight: str) -> None:
    for one, other in combinations(OTHERS, 2):
        assert np.linalg.norm(as_seen(one, SIGHT[sight]) - as_seen(other, SIGHT[sight])) > 15, (one, other)


def test_series_without_a_colour_of_their_own_get_different_ones() -> None:
    names = ["first", "test_acc", "second", "third"]
    styles = series_styles(names)
    assert [styles[name].colour for name in names] == [OTHERS[0], TEST, OTHERS[1], OTHERS[2]]
    assert series_styles(names) == styles
    assert series_styles([*names, "fourth"])["third"] == styles["third"], "a further series changes no other"
    taken = series_styles(["gen_logit_by_decay", "first"])
    assert taken["gen_logit_by_decay"].colour == OTHERS[0]
    assert taken["first"].colour == OTHERS[1], "a known series has the first of these colours in this figure"
    assert series_style("first_acc_of").label == "first accuracy of"


def test_the_value_axis_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = []
    draw = paper_figure._draw_curves
    monkeypatch.setattr(paper_figure, "_draw_curves", lambda *given: pages.append(draw(*given)) or pages[-1])
    arms = {name: planted([30] * 3, [1000.0] * 3, gen_logit=lambda run: STEPS / 100) for name in ("a", "b")}
    paper_figure.save_figure(Figure(title="What?", arms=("a", "b"), series=("gen_logit",)), arms, tmp_path / "figure")
    assert [axes.get_ylabel() for axes in pages[0].axes] == ["logits", "", "logits", ""]
