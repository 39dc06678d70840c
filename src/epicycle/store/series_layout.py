"""What the metadata of recorded series may say: Zarr v3, our codecs and number types, and the shapes that the cohort itself has.

Metadata are read here and not by Zarr. Zarr would follow consolidated metadata and would load whatever codec a stranger names.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

import numpy as np
from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict

from epicycle.spec.errors import InputError
from epicycle.spec.results import OWN_NAMES
from epicycle.store.documents import Count, Number, read_json
from epicycle.store.entries import damaged, most_bytes

STEP_CHUNK = 64
STRICT = ConfigDict(extra="forbid")
CODECS = (["bytes", "zstd"], ["bytes", "zstd", "crc32c"])  # early versions wrote no checksums


class CodecSettings(TypedDict, total=False):
    """How a codec is set."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    endian: Literal["little"]
    level: Count
    checksum: bool


class Codec(TypedDict):
    """One step from an array to the bytes of a chunk."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    name: Literal["bytes", "zstd", "crc32c"]
    configuration: NotRequired[CodecSettings]


def _known_codecs(codecs: list[Codec]) -> list[Codec]:
    names = [codec["name"] for codec in codecs]
    if names not in CODECS:
        raise ValueError(f"codecs {', '.join(names)} are not ours")
    return codecs


class ChunkShape(TypedDict):
    """The shape of a chunk."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    chunk_shape: list[Count]


class ChunkGrid(TypedDict):
    """How an array is cut."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    name: Literal["regular"]
    configuration: ChunkShape


class Separator(TypedDict):
    """What stands between the numbers of a chunk."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    separator: Literal["/"]


class ChunkNames(TypedDict):
    """How the files of chunks are named."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    name: Literal["default"]
    configuration: Separator


class ArrayText(TypedDict):
    """The metadata of one series (`zarr.json` in its folder)."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: Annotated[list[Count], Field(min_length=1, max_length=8)]
    data_type: Literal["float16", "float32", "float64", "int64"]
    chunk_grid: ChunkGrid
    chunk_key_encoding: ChunkNames
    fill_value: Literal["NaN"] | Number
    codecs: Annotated[list[Codec], AfterValidator(_known_codecs)]
    dimension_names: list[str]
    attributes: NotRequired[Annotated[dict[str, str], Field(max_length=0)]]
    storage_transformers: NotRequired[Annotated[list[str], Field(max_length=0)]]


class GroupAttributes(TypedDict):
    """What we write beside the series."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    coords: dict[str, list[str]]


class GroupText(TypedDict):
    """The metadata of a segment (`zarr.json` in its folder)."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    zarr_format: Literal[3]
    node_type: Literal["group"]
    attributes: GroupAttributes
    consolidated_metadata: NotRequired[None]


class ArrayLayout(NamedTuple):
    """The layout of one array.

    Attributes:
        axes: names of its axes.
        shape: their lengths.
        chunk: the shape of a chunk, which is cut along steps only.
        dtype: number type.
        has_checksums: whether each chunk ends with a checksum.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: Any
    has_checksums: bool

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape) * int(self.dtype.itemsize)

    @property
    def chunk_bytes(self) -> int:
        """Bytes of the values of one chunk."""
        return math.prod(self.chunk) * int(self.dtype.itemsize)


class SegmentLayout(NamedTuple):
    """The layout of one segment.

    Attributes:
        grid: the layout of the recorded steps.
        series: name -> layout.
        labels: along the series' own axes.
    """

    grid: ArrayLayout
    series: dict[str, ArrayLayout]
    labels: dict[str, list[str]]

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return sum(array.nbytes for array in self.series.values())


def segment_layout(path: Path, runs: int, steps: int, later_labels: Mapping[str, list[str]]) -> SegmentLayout:
    """The layout of a segment, as its metadata give it.

    Args:
        path: the segment's folder.
        runs: how many members the cohort has.
        steps: how many steps the segment has.
        later_labels: labels along axes of measures that were recorded later.

    Raises:
        InputError: metadata are damaged or missing, or do not fit the cohort; the file is named.
    """
    labels = {**group_labels(path), **later_labels}
    names = series_names(path)
    if "step" not in names:
        raise damaged(path, "it has no series of steps", cohort_of(path))
    layouts = {name: array_layout(path / name) for name in names}
    grid = layouts.pop("step")
    if (grid.axes, grid.shape, grid.chunk, grid.dtype) != (("step",), (steps,), (steps,), np.int64):
        raise damaged(path / "step" / "zarr.json", f"it does not describe {steps} steps", cohort_of(path))
    lengths = {axis: len(labels[axis]) for axis in labels}
    for name, layout in layouts.items():
        if flaw := _flaw(name, layout, runs, steps, lengths):
            raise damaged(path / name / "zarr.json", flaw, cohort_of(path))
    own_axes = {axis for layout in layouts.values() for axis in layout.axes[2:]}
    if clash := own_axes & layouts.keys():
        raise damaged(path, f"{', '.join(sorted(clash))} names a series and an axis", cohort_of(path))
    return SegmentLayout(grid, layouts, {axis: labels[axis] for axis in labels if axis in own_axes})


def group_labels(path: Path) -> dict[str, list[str]]:
    """The labels of a segment along its series' own axes."""
    return read_json(path / "zarr.json", GroupText)["attributes"]["coords"]


def series_names(path: Path) -> list[str]:
    """The names of the arrays of a segment."""
    return sorted(folder.name for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def array_layout(path: Path) -> ArrayLayout:
    """The layout of one array, as its metadata give it.

    Raises:
        InputError: the metadata are damaged or missing, or name what our series never have.
    """
    text = read_json(path / "zarr.json", ArrayText)
    chunk = text["chunk_grid"]["configuration"]["chunk_shape"]
    if not len(text["shape"]) == len(chunk) == len(text["dimension_names"]):
        raise damaged(path / "zarr.json", "its shapes and axes do not fit each other", cohort_of(path.parent))
    has_checksums = text["codecs"][-1]["name"] == "crc32c"
    return ArrayLayout(tuple(text["dimension_names"]), tuple(text["shape"]), tuple(chunk), np.dtype(text["data_type"]), has_checksums)


def cohort_of(segment: Path) -> Path:
    """The folder of the cohort that a segment belongs to."""
    return segment.parent.parent


def refuse_too_large(folder: Path, nbytes: int) -> None:
    """Refuse series that would fill the memory.

    Raises:
        InputError: they need more than a share of this machine's memory.
    """
    if nbytes > (most := most_bytes()):
        raise InputError(
            f"{folder} needs {nbytes / 1e9:,.1f} GB of memory for its series; at most {most / 1e9:,.1f} GB, a quarter of this "
            "machine's memory, are read. Open it on a larger machine. If no such runs were ever trained, it is damaged: remove it."
        )


def _flaw(name: str, layout: ArrayLayout, runs: int, steps: int, lengths: Mapping[str, int]) -> str | None:
    """What of a series does not fit its cohort; None where everything does."""
    own_axes, own_lengths = layout.axes[2:], layout.shape[2:]
    if name in OWN_NAMES or OWN_NAMES & {*own_axes} or len({*own_axes}) < len(own_axes):
        return "its name or an axis has another meaning"
    if layout.axes[:2] != ("run", "step") or layout.shape[:2] != (runs, steps) or layout.dtype.kind != "f":
        return f"it does not describe numbers of {runs} runs at {steps} steps"
    if layout.chunk != (runs, min(STEP_CHUNK, steps), *own_lengths):
        return "its chunks are not cut as ours are"
    if 0 in own_lengths or any(lengths.get(axis, length) != length for axis, length in zip(own_axes, own_lengths, strict=True)):
        return "an axis has another length than its labels"
    return None
