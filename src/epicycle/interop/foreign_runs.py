"""Training curves that another code logged, judged as our own are: `epicycle.import_runs(path)`.

The engine and JAX are not needed: all that is known of such runs is what their authors logged. tests/interop/test_without_engine.py
checks this.
"""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from epicycle.claims.several_claims import judge_together
from epicycle.claims.verdict import Verdict
from epicycle.events.standard import event_dataset, recorded_events
from epicycle.interop.arm_of_curves import dataset_of
from epicycle.interop.curves import Curve, curves_of, joined
from epicycle.interop.foreign_page import default_figures, page_spec
from epicycle.interop.import_options import ImportOptions, checked_numbers
from epicycle.interop.sources import as_python, tables_by_arm, with_names
from epicycle.interop.spellings import SERIES, is_accuracy
from epicycle.spec.claim import Claim
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.plain_data import Plain
from epicycle.spec.study import Figure
from epicycle.store.atomic import write_json
from epicycle.store.files import StudyFiles, given_path
from epicycle.store.grids import unstacked

if TYPE_CHECKING:
    import pandas


def import_runs(
    source: "str | Path | pandas.DataFrame | Sequence[Any] | Mapping[str, Any]",
    *,
    num_classes: int | None = None,
    baseline: float | None = None,
    columns: Mapping[str, str] | None = None,
    swept: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    keep_later: bool = False,
    percent: bool = False,
    budget: int | None = None,
    hold: float | None = None,
) -> "ForeignRuns":
    """Read training curves that another code logged.

    A table has a row for each recorded step (in any order; runs may end at different steps) and a column for each series. The columns
    seed, data_seed and run tell the runs of a table apart; a table without them is one run. Other common spellings are understood
    (val_acc, valid/accuracy, testAccs, iteration, epoch, ...), and so are tables with a column `split` and a row for each split,
    tables with a row for each value, and panels of Weights & Biases. A column of numbers whose name has no meaning here is kept as a
    series under its own name; a column of text is left out. What the import decides by itself is a warning, and stands in `notes`.

    Args:
        source: a .csv, .tsv, .json, .jsonl, .npz or .parquet file, a pandas table, a list of rows (mappings, one for each step), or a
            mapping of columns to arrays (`[step]`, `[run, step]`, or a single value for all); a list of such (they form one arm,
            `runs`); or a mapping of arms to such.
        num_classes: number of classes. The baseline is then 1 / num_classes, the accuracy of guessing among balanced classes.
        baseline: instead of num_classes, the accuracy that can be reached without solving the task, from 0 to 1.
        columns: our name -> their name, where a spelling is not understood or two columns have the same meaning.
        swept: columns that hold what was varied. A claim chooses one value of each with `where`.
        leave_out: columns that are not read.
        keep_later: whether of several records of one step the last one counts, as in the log of a run that was resumed.
        percent: whether accuracies are given from 0 to 100.
        budget: the step up to which runs count; None means the last step of the arm.
        hold: share of its step for which an event must hold to count; None means 0.1. Logs that end soon after success need less.

    Raises:
        InputError: unreadable files, columns that cannot be understood, or accuracies outside 0 to 1.
    """
    numbers = checked_numbers(num_classes=num_classes, baseline=baseline, budget=budget, hold=hold)
    level = _baseline_level(numbers["num_classes"], numbers["baseline"])
    options = ImportOptions.of(columns, swept, leave_out, keep_later)
    arms = {arm: _curves_of_arm(arm, tables, options) for arm, tables in tables_by_arm(source, options).items()}
    if not arms:
        raise InputError("the mapping of arms to tables is empty; pass at least one arm.")
    _check_accuracies([curve for curves in arms.values() for curve in curves], percent)
    if percent:
        arms = {arm: [_as_shares(curve) for curve in curves] for arm, curves in arms.items()}
    datasets = {arm: dataset_of(curves, level, options, numbers["budget"]) for arm, curves in arms.items()}
    if hold is not None:
        datasets = {arm: data.assign_attrs(hold=numbers["hold"]) for arm, data in datasets.items()}
    for note in options.notes:
        warnings.warn(note, stacklevel=2)
    passed = {**numbers, "columns": dict(options.columns), "swept": list(options.swept), "leave_out": list(options.leave_out)}
    passed |= {"keep_later": options.keep_later, "percent": bool(percent)}
    return ForeignRuns(datasets, _call(source, passed), options.notes)


def _call(source: Any, passed: Mapping[str, Any]) -> str:
    """The call of `import_runs` as one would write it. An argument that is not as it is by default stands in it, 0 too."""
    texts = (f", {name}={value!r}" for name, value in passed.items() if value or (value == 0 and value is not False))
    return f"epicycle.import_runs({as_python(source)}{''.join(texts)})"


class ForeignRuns:
    """Runs that another code trained.

    Attributes:
        arms: arm -> dataset with the axes run and step, in the same form as the arms of our own studies.
        notes: what the import decided by itself, in sentences.
    """

    def __init__(self, arms: Mapping[str, xarray.Dataset], call: str = "runs", notes: Sequence[str] = ()) -> None:
        """Wrap the datasets of arms.

        Args:
            arms: arm -> dataset that `epicycle.spec.results.arm_dataset` made.
            call: the Python expression that gives these runs; the page shows it.
            notes: what the import decided by itself; the page shows it.
        """
        self.arms = dict(arms)
        self.notes = tuple(notes)
        self._call = call

    def __len__(self) -> int:
        return sum(data.sizes["run"] for data in self.arms.values())

    @property
    def data(self) -> xarray.Dataset:
        """All series of the only arm, over the swept columns x seed x step, as `Runs.data` has them.

        Raises:
            InputError: there are several arms; `arms` has their datasets.
        """
        return unstacked(self._only_arm())

    @property
    def events(self) -> xarray.Dataset:
        """The step at which each standard event happened in the only arm (NaN where censored).

        An event is left out if a series that it reads was not recorded. Where a record begins so late that the event has happened by
        then, a variable `NAME_left_censored` says so: the event lies at the first recorded step or before.

        Raises:
            InputError: there are several arms; `arms` has their datasets.
        """
        data = self._only_arm()
        events, readable = event_dataset(data), recorded_events(data)
        unreadable = [name for name in events.data_vars if str(name).removesuffix("_censored").removesuffix("_left") not in readable]
        return unstacked(events.drop_vars(unreadable))

    def judge(self, *claims: Claim) -> list[Verdict]:
        """The verdicts on these runs. Primary claims of one call are corrected for their number, as those of a study are.

        Raises:
            InputError: a claim names an arm that these runs do not have, or a series that an arm did not record.
        """
        for claim in claims:
            for arm in claim.arms():
                self._check_recorded(claim.reads(), arm, f"claim '{claim.id}'")
        return judge_together(claims, self.arms)

    def report(
        self,
        folder: str | Path,
        *,
        question: str = "What do these training curves show?",
        claims: Sequence[Claim] = (),
        figures: Sequence[Figure] | None = None,
    ) -> Path:
        """Write the page (report.html), verdicts.json and the first figure as PDF, SVG and PNG into a folder.

        A claim about runs that exist already is post hoc, and the page says so.

        Args:
            folder: made if it does not exist; its name is the title of the page.
            question: the question that the page answers.
            claims: claims to judge.
            figures: None draws accuracies and losses, as far as every arm has them.

        Returns:
            The page's path.

        Raises:
            InputError: a claim or a figure names an arm or a series that these runs do not have, or the folder is a file.
        """
        from epicycle.claims.several_claims import judge_together
        from epicycle.claims.verdicts_document import verdicts_document
        from epicycle.report.page import write_page
        from epicycle.store.studies import provenance

        began = time.perf_counter()
        self.judge(*claims)  # refuses a claim that cannot be judged before anything is written
        figures = list(figures) if figures is not None else default_figures(self.arms)
        self._check_figures(figures)
        files = StudyFiles(given_path(folder).absolute())
        if files.path.exists() and not files.path.is_dir():
            raise InputError(f"{folder} is a file, not a folder; pass the path of a folder.")
        try:
            files.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder} cannot be made: {error.strerror}; choose another folder.") from None
        header = {"study": files.path.name, "question": question, "profile": "stated", "pilot": False}
        leakage: dict[str, Plain] = {arm: {} for arm in self.arms}  # which rows were trained on is not known
        verdicts = verdicts_document(header, judge_together(claims, self.arms), self.arms, leakage, {claim.id for claim in claims})
        write_json(files.verdicts, verdicts)
        command = f"{self._call}.report({str(folder)!r}, ...)  # with the question, claims and figures of this page"
        seconds = time.perf_counter() - began
        spec = page_spec(files.path.name, question, self.arms, figures, self.notes)
        write_page(files, spec, self.arms, verdicts, provenance(command, seconds, trained=0))
        return files.report

    def _only_arm(self) -> xarray.Dataset:
        if len(self.arms) > 1:
            raise InputError(f"there are several arms ({', '.join(self.arms)}); take one of them from the attribute arms.")
        return next(iter(self.arms.values()))

    def _check_figures(self, figures: Sequence[Figure]) -> None:
        for figure in figures:
            series = (*figure.series, *(name for quantity in figure.quantities for name in quantity.reads()))
            for arm in figure.arms:
                self._check_recorded(series, arm, f"figure '{figure.title}'")

    def _check_recorded(self, series: Sequence[str], arm: str, reader: str) -> None:
        """Refuse a claim or a figure (`reader`) that reads what the arm does not have."""
        if arm not in self.arms:
            raise InputError(f"{reader} names arm '{arm}', which these runs do not have; {nearest(arm, self.arms)}")
        for name in series:
            if name not in self.arms[arm]:
                recorded = map(str, self.arms[arm].data_vars)
                raise InputError(f"{reader} needs series '{name}', which arm '{arm}' did not record; {nearest(name, recorded)}")


def _baseline_level(num_classes: int | None, baseline: float | None) -> float:
    if (num_classes is None) == (baseline is None):
        raise InputError(
            "import_runs needs either num_classes or baseline, because events are measured from the accuracy of guessing: pass "
            "num_classes=N for N balanced classes, or baseline=ACCURACY."
        )
    if num_classes is not None and num_classes < 2:
        raise InputError(f"num_classes = {num_classes}: pass the number of classes, at least 2.")
    level = 1 / num_classes if num_classes else float(baseline or 0)
    if not 0 <= level < 1:
        raise InputError(f"baseline = {level:g}: pass an accuracy from 0 to 1, but below 1.")
    return level


def _curves_of_arm(arm: str, tables: Sequence[Any], options: ImportOptions) -> list[Curve]:
    curves = [curve for where, table in with_names(tables) for curve in curves_of(table, options, where)]
    if not curves:
        raise InputError(f"arm '{arm}' has no runs; pass at least one file or table for it.")
    return joined(curves)


def _check_accuracies(curves: Sequence[Curve], percent: bool) -> None:
    """Refuse accuracies outside their range. A value up to 1 may be a share or a percentage, so nothing is converted unasked."""
    top = 100 if percent else 1
    largest = []
    for curve in curves:
        for name in filter(is_accuracy, curve.series):
            values = curve.series[name][np.isfinite(curve.series[name])]
            if not len(values):
                continue
            largest.append(values.max())
            if values.min() < 0 or values.max() > top * (1 + 1e-6):
                out = f" A column that holds no accuracy is left out with leave_out=['{name}']." * (name not in SERIES)
                advice = out if percent or values.max() > 100 else f" If accuracies are given from 0 to 100, pass percent=True.{out}"
                raise InputError(
                    f"{curve.origin}: column {name} goes from {values.min():g} to {values.max():g}, outside 0 to {top}.{advice}"
                )
    if percent and all(value <= 1 for value in largest):
        raise InputError("percent=True, but no accuracy is above 1: they seem to go from 0 to 1 already. Leave percent out.")


def _as_shares(curve: Curve) -> Curve:
    """The curve with its accuracies from 0 to 1 instead of from 0 to 100."""
    return replace(curve, series={name: values / 100 if is_accuracy(name) else values for name, values in curve.series.items()})
