"""What a person sees while training: a live table on a terminal, a plain line now and then elsewhere. Always on stderr."""

import time
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from epicycle.lab.cohorts import Progress

LINE_SECONDS = 10.0
SHOWN_MEMBERS = 24


class Display:
    """Shows the progress of cohorts; `labels` names the runs by arm."""

    def __init__(self, labels: Mapping[str, str], quiet: bool = False) -> None:
        self._labels, self._quiet = labels, quiet
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if self._console.is_terminal else None
        self._last_line = time.perf_counter()

    def __enter__(self) -> "Display":
        self._format, warnings.formatwarning = warnings.formatwarning, _note
        if not self._quiet:
            self._console.print("looking for what is missing; the first training compiles (cached for later runs) ...", style="dim")
            if self._live:
                self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        warnings.formatwarning = self._format
        if self._live and not self._quiet:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show one round."""
        if self._quiet:
            return
        if self._live:
            self._live.update(self._table(progress), refresh=True)
        elif time.perf_counter() - self._last_line > LINE_SECONDS or not progress.cohort.active():
            self._last_line = time.perf_counter()
            self._console.print(_summary(progress), highlight=False)

    def _table(self, progress: Progress) -> Table:
        cohort = progress.cohort
        table = Table(title=_summary(progress), title_justify="left", box=None, padding=(0, 2))
        for name in ("arm", "seed", "step", "train", "test", "state"):
            table.add_column(name, justify="right" if name not in ("arm", "state") else "left")
        for member, (run, status) in enumerate(zip(cohort.runs, cohort.statuses(), strict=True)):
            if member == SHOWN_MEMBERS:
                table.add_row("...", "", "", "", "", f"{len(cohort.runs) - member} more")
                break
            label = self._labels.get(run.id, "")
            train, test = (_last(cohort.records, name, member, cohort.rows[member]) for name in ("train_acc", "test_acc"))
            table.add_row(label, str(run.seed), f"{cohort.reached(member):,}", train, test, str(status))
        return table


def _note(message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
    """A warning as a person reads it: where in the library it was raised says nothing to them."""
    del filename, lineno, line
    return f"note: {message}\n" if category is UserWarning else f"{category.__name__}: {message}\n"


def _summary(progress: Progress) -> str:
    cohort, rate = progress.cohort, progress.rate
    left = sum(cohort.stops[m] - cohort.reached(m) for m in cohort.active())
    furthest = max(map(cohort.reached, range(len(cohort.states))))
    at_most = f", at most {left / rate:.0f} s left" if rate and left else ""
    done = len(cohort.runs) - len(cohort.active())
    return f"step {furthest:,}: {done} of {len(cohort.runs)} runs done, {rate:,.0f} steps/s over all runs{at_most}"


def _last(records: Mapping[str, Any], name: str, member: int, rows: int) -> str:
    if name not in records or not rows:
        return ""
    value = records[name][member, rows - 1]
    return f"{value:.3f}" if np.isfinite(value) else "nan"
