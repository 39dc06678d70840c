"""Two basins in coordinates of their own whose losses add up, and what a picture of the way down shows of them.

The post on visible basins draws this picture against the usual one, in which a network walks along the floor of a wide basin until it
stumbles on the way to a narrow one (rows R142, R148 and R153): a network can go down both basins at once, and a plane through the
landscape shows the wide one alone. Formulas are ours.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.maths.explained import explained_share
from epicycle.spec.families import Simulated, Theory
from epicycle.theory.seeded import normal, recorded_steps, steady_noise, streams

N_WAVES = 64  # of the coupling
PIXELS = 15  # on each side of a picture


class SummedBasins(Theory):
    """Two basins, a wide one and a narrow one: loss = L_wide(u) + L_narrow(v) + coupling * ruggedness(u, v).

    u and v are the places relative to the two minima, and descent starts at given distances from them, in random directions. At a
    distance r a basin of the form `well` has the loss depth (1 - exp(-r^2 / 2 width^2)), and one of the form `quadratic` depth r^2 / 2
    width^2. The ruggedness is a random function of u and v with mean 0 and variance 1: a sum of products of a wave in u and a wave
    in v, each with a wavelength of 2 pi times `coupling_length`. An update is u -= lr dL/du + sqrt(2 lr temperature) noise.

    Series: `train_loss` and its parts `wide_loss`, `narrow_loss` and `coupling_loss`; `wide_distance` and `narrow_distance`;
    `wide_reached` and `narrow_reached` (1 where the minimum is nearer than half of the width).

    Further series are known at the last step alone. They are of pictures in two planes through the end of the way: that of its two
    main directions (`pca_...`) and a random one (`random_...`). `..._plane_share` is the share of the way's variance in the plane, and
    `..._narrow_relief` the share of the narrow basin in the relief of the picture. `..._loss_r2` and `..._narrow_r2` say how much of
    the course of the loss, and of its narrow part, is linear in the two coordinates that one sees.

    Attributes:
        form: whether a basin has an edge (`well`) or goes on for ever (`quadratic`).
        wide_dims: coordinates of the wide basin.
        wide_width: its width.
        wide_depth: its depth.
        wide_distance: how far from its minimum descent starts.
        narrow_dims: coordinates of the narrow basin.
        narrow_width: its width.
        narrow_depth: its depth.
        narrow_distance: how far from its minimum descent starts.
        coupling: standard deviation of the ruggedness, in units of the loss.
        coupling_length: length over which the ruggedness changes, in units of u and v.
        temperature: strength of the noise; 0 is plain gradient descent.
        lr: learning rate.
        steps: updates.
    """

    kind: ClassVar[str] = "summed_basins"
    series = dict.fromkeys(
        (
            *("train_loss", "wide_loss", "narrow_loss", "coupling_loss"),
            *(f"{part}_{what}" for part in ("wide", "narrow") for what in ("distance", "reached")),
            *(f"{plane}_{what}" for plane in ("pca", "random") for what in ("plane_share", "narrow_relief", "loss_r2", "narrow_r2")),
        ),
        (),
    )

    form: Literal["well", "quadratic"] = "well"
    wide_dims: int = Field(10, ge=1, le=1000)
    wide_width: float = Field(1.0, gt=0)
    wide_depth: float = Field(1.0, ge=0)
    wide_distance: float = Field(2.0, ge=0)
    narrow_dims: int = Field(10, ge=1, le=1000)
    narrow_width: float = Field(0.3, gt=0)
    narrow_depth: float = Field(0.1, ge=0)
    narrow_distance: float = Field(0.6, ge=0)
    coupling: float = Field(0.0, ge=0)
    coupling_length: float = Field(0.3, gt=0)
    temperature: float = Field(0.0, ge=0)
    lr: float = Field(0.02, gt=0)
    steps: int = Field(2000, ge=1, le=1_000_000)

    @property
    def last_step(self) -> int:
        """The number of updates."""
        return self.steps

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """Descend from each seed's start, on each seed's own ruggedness."""
        rngs = streams(seeds)
        u = self.wide_distance * _directions(normal(rngs, self.wide_dims))
        v = self.narrow_distance * _directions(normal(rngs, self.narrow_dims))
        ground = Ruggedness.drawn(rngs, (self.wide_dims, self.narrow_dims), self.coupling_length)
        planes = {"random": normal(rngs, 2, self.wide_dims + self.narrow_dims)}
        noise = steady_noise(rngs, self.wide_dims + self.narrow_dims)
        steps = recorded_steps(self.steps)
        due, path = set(steps.tolist()), [np.concatenate([u, v], axis=1)]
        for step in range(1, self.steps + 1):
            u, v = self._updated(u, v, ground, next(noise) if self.temperature else 0.0)
            if step in due:
                path.append(np.concatenate([u, v], axis=1))
        places = np.stack(path, axis=1)
        return Simulated(steps, {**self._along(places, ground), **self._pictured(places, planes)})

    def wide(self, u: Float[ndarray, "... d_in"]) -> Float[ndarray, "..."]:
        """The loss of the wide basin."""
        return self._loss(u, self.wide_width, self.wide_depth)

    def narrow(self, v: Float[ndarray, "... d_in"]) -> Float[ndarray, "..."]:
        """The loss of the narrow basin."""
        return self._loss(v, self.narrow_width, self.narrow_depth)

    def _loss(self, point: Float[ndarray, "... d_in"], width: float, depth: float) -> Float[ndarray, "..."]:
        height = np.square(point).sum(axis=-1) / (2 * width**2)
        return np.asarray(depth * (height if self.form == "quadratic" else -np.expm1(-height)))

    def _slope(self, point: Float[ndarray, "seed d_in"], width: float, depth: float) -> Float[ndarray, "seed d_in"]:
        slope = depth / width**2 * point
        return slope if self.form == "quadratic" else slope * np.exp(-np.square(point).sum(axis=1, keepdims=True) / (2 * width**2))

    def _updated(
        self,
        u: Float[ndarray, "seed d_in"],
        v: Float[ndarray, "seed d_in"],
        ground: "Ruggedness",
        noise: Float[ndarray, "..."] | float,
    ) -> tuple[Float[ndarray, "seed d_in"], Float[ndarray, "seed d_in"]]:
        slopes = [self._slope(u, self.wide_width, self.wide_depth), self._slope(v, self.narrow_width, self.narrow_depth)]
        if self.coupling:
            slopes = [slope + self.coupling * rough for slope, rough in zip(slopes, ground.slopes(u, v), strict=True)]
        kick = (2 * self.lr * self.temperature) ** 0.5 * noise
        moved = np.concatenate([u, v], axis=1) - self.lr * np.concatenate(slopes, axis=1) + kick
        return moved[:, : self.wide_dims], moved[:, self.wide_dims :]

    def _along(self, places: Float[ndarray, "seed step d_in"], ground: "Ruggedness") -> dict[str, Float[ndarray, "seed step"]]:
        """The series that are known at every step."""
        u, v = places[..., : self.wide_dims], places[..., self.wide_dims :]
        rough = [self.coupling * ground.height(u[:, i], v[:, i]) for i in range(places.shape[1])] if self.coupling else None
        parts = {
            "wide_loss": self.wide(u),
            "narrow_loss": self.narrow(v),
            "coupling_loss": np.stack(rough, axis=1) if rough else np.zeros(places.shape[:2]),
        }
        distances = {"wide": np.linalg.norm(u, axis=2), "narrow": np.linalg.norm(v, axis=2)}
        widths = {"wide": self.wide_width, "narrow": self.narrow_width}
        return {
            "train_loss": sum(parts.values(), np.zeros(places.shape[:2])),
            **parts,
            **{f"{part}_distance": distance for part, distance in distances.items()},
            **{f"{part}_reached": (distance < widths[part] / 2).astype(float) for part, distance in distances.items()},
        }

    def _pictured(
        self, places: Float[ndarray, "seed step d_in"], planes: dict[str, Float[ndarray, "seed coordinate d_in"]]
    ) -> dict[str, Float[ndarray, "seed step"]]:
        """The series of pictures, which are known when the whole way is."""
        centred = places - places.mean(axis=1, keepdims=True)
        planes = {"pca": np.linalg.svd(centred, full_matrices=False)[2][:, :2], **planes}
        losses = {"loss": self.wide(places[..., : self.wide_dims]), "narrow": self.narrow(places[..., self.wide_dims :])}
        losses["loss"] = losses["loss"] + losses["narrow"]
        series: dict[str, Float[ndarray, "seed step"]] = {}
        for name, spanned in planes.items():
            axes = np.linalg.qr(np.swapaxes(spanned, 1, 2))[0]
            seen = centred @ axes
            relief = [self._relief(end, path, plane) for end, path, plane in zip(places[:, -1], places, axes, strict=True)]
            shares = np.square(seen).sum(axis=(1, 2)) / np.maximum(np.square(centred).sum(axis=(1, 2)), 1e-300)
            series |= {f"{name}_plane_share": _at_the_end(shares, places), f"{name}_narrow_relief": _at_the_end(relief, places)}
            for what, course in losses.items():
                explained = [explained_share(x, y) for x, y in zip(seen, course, strict=True)]
                series[f"{name}_{what}_r2"] = _at_the_end(explained, places)
        return series

    def _relief(
        self, end: Float[ndarray, " d_in"], path: Float[ndarray, "step d_in"], plane: Float[ndarray, "d_in coordinate"]
    ) -> float:
        """The narrow basin's share of the variance of both losses in a picture around the end that shows the whole way."""
        radius = np.linalg.norm(path - end, axis=1).max()
        x, y = np.meshgrid(*[np.linspace(-radius, radius, PIXELS)] * 2)
        shown = end + np.stack([x.ravel(), y.ravel()], axis=1) @ plane.T
        wide, narrow = self.wide(shown[:, : self.wide_dims]).var(), self.narrow(shown[:, self.wide_dims :]).var()
        return float(narrow / (wide + narrow)) if wide + narrow > 0 else 0.0


class Ruggedness(NamedTuple):
    """A random function of two places for each seed: 2 / sqrt(N) times the sum over N waves of cos(k u + phase) cos(q v + phase).

    Attributes:
        vectors: the vectors k and q of each wave, in radians for a unit of length.
        phases: those of the waves in u and in v.
    """

    vectors: tuple[Float[ndarray, "seed wave d_in"], Float[ndarray, "seed wave d_in"]]
    phases: Float[ndarray, "seed coordinate wave"]

    @classmethod
    def drawn(cls, rngs: Sequence[np.random.Generator], dims: tuple[int, int], length: float) -> "Ruggedness":
        """Waves whose vectors are about 1 / length long, whatever the number of dimensions is."""
        first, second = (normal(rngs, N_WAVES, n) / (length * n**0.5) for n in dims)
        return cls((first, second), np.stack([rng.uniform(0, 2 * np.pi, (2, N_WAVES)) for rng in rngs]))

    def height(self, u: Float[ndarray, "seed d_in"], v: Float[ndarray, "seed d_in"]) -> Float[ndarray, " seed"]:
        """The function."""
        (in_u, _), (in_v, _) = self._waves(u, v)
        return np.asarray(2 / N_WAVES**0.5 * (in_u * in_v).sum(axis=1))

    def slopes(
        self, u: Float[ndarray, "seed d_in"], v: Float[ndarray, "seed d_in"]
    ) -> tuple[Float[ndarray, "seed d_in"], Float[ndarray, "seed d_in"]]:
        """The gradients in u and in v."""
        (in_u, turned_u), (in_v, turned_v) = self._waves(u, v)
        factors = (-turned_u * in_v, -in_u * turned_v)
        first, second = (
            2 / N_WAVES**0.5 * np.matmul(factor[:, None], vectors)[:, 0] for factor, vectors in zip(factors, self.vectors, strict=True)
        )
        return first, second

    def _waves(self, *places: Float[ndarray, "seed d_in"]) -> list[tuple[Float[ndarray, "seed wave"], Float[ndarray, "seed wave"]]]:
        """The cosine and the sine of every wave in u, and in v."""
        angles = [
            np.matmul(vectors, point[..., None])[..., 0] + self.phases[:, i]
            for i, (vectors, point) in enumerate(zip(self.vectors, places, strict=True))
        ]
        return [(np.cos(angle), np.sin(angle)) for angle in angles]


def _directions(vectors: Float[ndarray, "seed d_in"]) -> Float[ndarray, "seed d_in"]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _at_the_end(
    values: Sequence[float] | Float[ndarray, " seed"], places: Float[ndarray, "seed step d_in"]
) -> Float[ndarray, "seed step"]:
    """A series that is known at the last step alone."""
    series = np.full(places.shape[:2], np.nan)
    series[:, -1] = values
    return series
