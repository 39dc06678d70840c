"""The surface of the loss around the way of a run: exact planes, losses that are those of the networks, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

import epicycle as ep
from epicycle.lab.session import Session
from epicycle.lab.surfaces import CELLS, looks, plane_of_way, surface_of_run
from epicycle.report.pictures import Heat
from epicycle.report.surface_picture import surface_picture
from epicycle.spec.errors import InputError
from epicycle.store.files import Root
from epicycle.store.surfaces import read_surface, write_surface

TINY = ep.Experiment(
    task=ep.Modular(p=7, operation="x-y"),
    split=ep.Split(frac_train=0.7),
    model=ep.MLP(d_model=4, d_mlp=8),
    training=ep.Training(steps=60, optimiser=ep.AdamW(lr=1e-2)),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("surfaces")


@pytest.fixture(scope="module")
def runs(root: Path) -> ep.Runs:
    return ep.train(TINY, seeds=1, root=root)


def test_a_way_that_lies_in_a_plane() -> None:
    """A spiral in a plane of 50 dimensions is all in it, and its coordinates are those in the plane."""
    turn = np.linspace(0, 4, 30)
    way = np.column_stack([3 * turn, np.sin(turn)])
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(50, 2)))[0]
    places = way @ axes.T
    plane, share = plane_of_way(places - places.mean(axis=0))
    assert share == pytest.approx(1, abs=1e-12)
    seen = (places - places.mean(axis=0)) @ plane
    np.testing.assert_allclose(np.linalg.norm(seen[-1] - seen[0]), np.linalg.norm(way[-1] - way[0]), rtol=1e-9)
    assert seen[-1, 0] > seen[0, 0]
    assert seen[np.abs(seen[:, 1]).argmax(), 1] > 0
    cube = np.eye(4) - 0.25
    assert plane_of_way(cube)[1] == pytest.approx(2 / 3), "four corners at equal distances span three equal directions"


def test_losses_are_those_of_the_run_and_of_the_plane(runs: ep.Runs) -> None:
    surface = runs[0].surface()
    recorded = runs.data.train_loss.isel(seed=0).sel(step=surface.step)
    np.testing.assert_allclose(surface.own_loss, recorded, rtol=2e-3)
    assert 0.5 < surface.attrs["share"] < 1
    assert surface.train_loss.shape == surface.test_loss.shape == (CELLS, CELLS)
    nearby = surface.train_loss.interp(x=surface.way_x, y=surface.way_y)
    np.testing.assert_allclose(nearby, surface.seen_loss, rtol=0.05)
    assert float(abs(surface.seen_loss - surface.own_loss).max()) > 0.01, "a point of the plane is another network"


def test_a_picture_says_what_it_does_not_show(runs: ep.Runs, root: Path, tmp_path: Path) -> None:
    surface = surface_of_run(runs.runs()[0].id, Session(Root(root)), "mine", {"t_mem": 50})
    write_surface(tmp_path / "surface.json", surface)
    assert read_surface(tmp_path / "surface.json") == surface
    assert read_surface(tmp_path / "none.json") is None
    picture = surface_picture(surface)
    share = f"The plane shows {100 * surface['share']:.0f} % of the way"
    assert share in picture.caption
    assert "arm mine, seed 0" in picture.caption
    [view] = picture.views
    for panel in view.panels:
        assert isinstance(panel.content, Heat)
        assert panel.way is not None
        assert [stop.name for stop in panel.way.stops] == ["start", "t_mem", "end"]
        for cells, of_axis, coordinates in zip((surface["x"], surface["y"]), panel.way[:2], np.array(surface["way"]).T, strict=True):
            np.testing.assert_allclose(of_axis, np.interp(coordinates, cells, np.arange(CELLS)), atol=1e-9)
    assert surface["events"] == {"t_mem": 50}


def test_looks_and_runs_that_have_no_plane(runs: ep.Runs, root: Path) -> None:
    assert looks(12) == [0, 1, 2, 3, 4, 5, 6, 8, 10, 12]
    assert looks(0) == [0]
    fork = runs.fork(10, [ep.Scale(knob="lr", by=2.0)], steps=5)
    with pytest.raises(InputError, match="is a fork"):
        fork[0].surface()
    short = ep.train(TINY.swept("training.optimiser.lr", 2e-2).swept("training.steps", 1), seeds=1, root=root)
    with pytest.raises(InputError, match="three looks or more"):
        short[0].surface()
