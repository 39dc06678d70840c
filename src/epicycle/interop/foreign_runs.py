"""Anybody's training curves, judged as ours are: `epicycle.import_runs(path)` gives data, events, verdicts and a page.

The engine has no part in it: what is known of such runs is what their authors logged.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from epicycle.claims.verdict import Verdict, judge
from epicycle.events.standard import event_dataset, recorded_events
from epicycle.interop.tables import SERIES, Curve, curves_of, dataset_of, is_accuracy, spelling
from epicycle.spec.claim import Claim
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.study import Figure
from epicycle.store.atomic import write_json
from epicycle.store.files import StudyFiles
from epicycle.store.reading import unstacked

if TYPE_CHECKING:
    import pandas

ARM = "runs"


def import_runs(
    source: "str | Path | pandas.DataFrame | Sequence[Any] | Mapping[str, Any]",
    *,
    num_classes: int | None = None,
    baseline: float | None = None,
    columns: Mapping[str, str] | None = None,
    swept: Sequence[str] = (),
    percent: bool = False,
    budget: int | None = None,
) -> "ForeignRuns":
    """Read training curves that another code logged.

    A table has a row for each step (in any order; ragged runs are fine) and a column for each series; columns seed, data_seed or run
    tell its runs apart, and without them a table is one run. Other spellings are understood (val_acc, valid/accuracy, iteration,
    epoch, ...). Columns of numbers that have no meaning here are kept as series under their own names, others are left out.

    Args:
        source: a .csv, .npz or .parquet file, a pandas table, or a mapping of columns to arrays ([step] or [run, step]); a list of
            such (one arm, `runs`); or a mapping of arms to such.
        num_classes: the baseline is 1 / num_classes, the accuracy of guessing among balanced classes.
        baseline: the best accuracy without understanding, where that is another.
        columns: our name -> theirs, where the spelling is not understood or two columns could be meant.
        swept: columns that hold what was varied; claims choose one value of each by `where`.
        percent: accuracies are given from 0 to 100.
        budget: the step up to which runs count; None means the last step of the arm.

    Raises:
        InputError: unreadable files, columns that cannot be understood, or accuracies outside 0 to 1.
    """
    if (num_classes is None) == (baseline is None):
        raise InputError("import_runs needs either num_classes or baseline: events and figures are measured from it.")
    if num_classes is not None and num_classes < 2:
        raise InputError(f"num_classes = {num_classes}: there are at least 2, or the baseline is no accuracy below 1.")
    level = 1 / num_classes if num_classes else float(baseline or 0)
    if not 0 <= level < 1:
        raise InputError(f"a baseline of {level:g} is no accuracy below 1.")
    arms: dict[str, list[Curve]] = {}
    for arm, tables in _arms(source).items():
        arms[arm] = [curve for where, table in _named(tables) for curve in curves_of(table, columns or {}, swept, where)]
        if not arms[arm]:
            raise InputError(f"arm '{arm}' has no runs.")
    _as_shares([curve for listed in arms.values() for curve in listed], percent)
    options = {"num_classes": num_classes, "baseline": baseline, "columns": columns, "swept": swept, "percent": percent}
    given = "".join(f", {name}={value!r}" for name, value in (options | {"budget": budget}).items() if value)
    datasets = {arm: dataset_of(listed, level, swept, budget) for arm, listed in arms.items()}
    return ForeignRuns(datasets, f"epicycle.import_runs({_source(source)}{given})")


class ForeignRuns:
    """Runs that were not trained here.

    Attributes:
        arms: arm -> dataset with dims run and step, as `lab` and `claims` read our own.
    """

    def __init__(self, arms: Mapping[str, xarray.Dataset], call: str = "runs") -> None:
        self.arms = dict(arms)
        self._call = call

    def __len__(self) -> int:
        return sum(data.sizes["run"] for data in self.arms.values())

    @property
    def data(self) -> xarray.Dataset:
        """All series of the only arm, over swept columns x seed x step, as `Runs.data`.

        Raises:
            InputError: there are several arms; `arms` has them.
        """
        return unstacked(self._only())

    @property
    def events(self) -> xarray.Dataset:
        """The step at which each standard event happened in the only arm (NaN where censored).

        An event whose series was not recorded is left out.
        """
        flat = self._only()
        found = event_dataset(flat)
        known = recorded_events(flat)
        return unstacked(found.drop_vars([name for name in found.data_vars if str(name).removesuffix("_censored") not in known]))

    def judge(self, *claims: Claim) -> list[Verdict]:
        """The verdicts on these runs.

        Raises:
            InputError: a claim names an arm or a series that is not here.
        """
        for claim in claims:
            for arm in claim.arms():
                if arm not in self.arms:
                    raise InputError(f"claim '{claim.id}' names arm '{arm}'; {nearest(arm, self.arms)}")
                self._has(claim.reads(), arm, f"claim '{claim.id}'")
        return [judge(claim, self.arms) for claim in claims]

    def report(
        self,
        folder: str | Path,
        *,
        question: str = "What do these training curves show?",
        claims: Sequence[Claim] = (),
        figures: Sequence[Figure] | None = None,
    ) -> Path:
        """Write the page (report.html), verdicts.json and the first figure as PDF, SVG and PNG into a folder.

        Claims about runs that exist are post hoc, and the page says so.

        Returns:
            The page's path.

        Raises:
            InputError: a claim or a figure names an arm or a series that is not here; the folder cannot be written.
        """
        from epicycle.claims.document import verdicts_document
        from epicycle.lab.study import provenance
        from epicycle.report.page import write_page

        began = time.perf_counter()
        self.judge(*claims)  # refuses what cannot be judged before anything is written
        drawn = list(figures) if figures is not None else self._figures()
        for figure in drawn:
            for arm in figure.arms:
                if arm not in self.arms:
                    raise InputError(f"figure '{figure.title}' names arm '{arm}'; {nearest(arm, self.arms)}")
                read = (*figure.series, *(series for quantity in figure.quantities for series in quantity.reads()))
                self._has(read, arm, f"figure '{figure.title}'")
        files = StudyFiles(Path(folder).absolute())
        if files.path.exists() and not files.path.is_dir():
            raise InputError(f"{folder} is not a folder; choose another.")
        header = {"study": files.path.name, "question": question, "profile": "stated", "pilot": False}
        verdicts = verdicts_document(header, claims, self.arms, {arm: {} for arm in self.arms}, {c.id for c in claims})
        spec = {
            "name": files.path.name,
            "question": question,
            "arms": {name: self._settings(data) for name, data in self.arms.items()},
            "figures": [figure.model_dump(mode="json") for figure in drawn],
            "sources": [],
        }
        write_json(files.verdicts, verdicts)
        command = f"{self._call}.report({str(folder)!r}, ...)  # with the question, claims and figures of this page"
        write_page(files, spec, self.arms, verdicts, provenance(command, time.perf_counter() - began, 0))
        return files.report

    def _only(self) -> xarray.Dataset:
        if len(self.arms) > 1:
            raise InputError(f"there are several arms ({', '.join(self.arms)}); take one from `arms`.")
        return next(iter(self.arms.values()))

    def _has(self, series: Sequence[str], arm: str, who: str) -> None:
        for name in series:
            if name not in self.arms[arm]:
                have = [str(known) for known in self.arms[arm].data_vars]
                raise InputError(f"{who} needs series '{name}', which arm '{arm}' did not record; {nearest(name, have)}")

    def _figures(self) -> list[Figure]:
        """Accuracies and losses, as far as every arm has them."""
        shared = [name for name in SERIES if all(name in data for data in self.arms.values())]
        events = tuple(name for name in ("t_mem", "t_gen") if all(name in recorded_events(data) for data in self.arms.values()))
        titles = {"acc": "When does accuracy on trained and on held-out data rise?", "loss": "What happens to the losses meanwhile?"}
        return [
            Figure(title=title, arms=tuple(self.arms), series=tuple(series), events=events)
            for what, title in titles.items()
            if (series := [name for name in shared if name.endswith(what)])
        ]

    @staticmethod
    def _settings(data: xarray.Dataset) -> dict[str, Any]:
        return {
            "runs": [str(run) for run in data["run"].values],
            "series": [str(name) for name in data.data_vars],
            "steps": [int(data["step"].values[0]), int(data["step"].values[-1])],
            "baseline": float(data["baseline"].values[0]),
        }


def _arms(source: Any) -> dict[str, Any]:
    """Arm -> its tables."""
    return {str(name): tables for name, tables in source.items()} if _has_arms(source) else {ARM: source}


def _has_arms(source: Any) -> bool:
    """A mapping with a column of steps is a table, any other mapping has arms."""
    return isinstance(source, Mapping) and not any(spelling(str(name)) == "step" for name in source)


def _named(tables: Any) -> Iterator[tuple[str, Any]]:
    """Each table with a name for messages."""
    numbers = count()
    for table in tables if isinstance(tables, list | tuple) else [tables]:
        yield (str(table) if isinstance(table, str | Path) else f"table {next(numbers)}"), table


def _source(source: Any) -> str:
    """What was imported, as Python would say it; tables in memory by their type."""
    if isinstance(source, str | Path):
        return repr(str(source))
    if isinstance(source, list | tuple):
        paths = all(isinstance(table, str | Path) for table in source)
        return f"[{', '.join(map(_source, source))}]" if paths else f"<{len(source)} tables>"
    if _has_arms(source):
        return f"{{{', '.join(f'{str(arm)!r}: {_source(tables)}' for arm, tables in source.items())}}}"
    return f"<{type(source).__name__}>"


def _as_shares(curves: Sequence[Curve], percent: bool) -> None:
    """Accuracies from 0 to 1; what could be percentages is converted on request only."""
    found = [(curve, name) for curve in curves for name in curve.series if is_accuracy(name)]
    finite = [values[np.isfinite(values)] for values in (curve.series[name] for curve, name in found)]
    for (curve, name), values in zip(found, finite, strict=True):
        top = 100 if percent else 1
        if len(values) and (values.min() < 0 or values.max() > top * (1 + 1e-6)):
            advice = "" if percent or values.max() > 100 else " If accuracies are given from 0 to 100, say percent=True."
            raise InputError(f"{curve.name}: {name} goes from {values.min():g} to {values.max():g}, outside 0 to {top}.{advice}")
    if percent and all(values.max() <= 1 for values in finite if len(values)):
        raise InputError("percent=True, but no accuracy is above 1: these look like shares already.")
    for curve, name in found if percent else ():
        curve.series[name] = curve.series[name] / 100
