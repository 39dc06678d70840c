"""Progress display: a live table on a terminal, a plain line every ten seconds elsewhere. Everything goes to standard error.

A terminal that is closed in mid-run (SIGHUP) refuses what is written to it. Training goes on until it is saved, so the display ignores
that.
"""

import importlib
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from types import TracebackType
from typing import Any

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from epicycle.lab.session import Progress, Watcher

SECONDS_BETWEEN_LINES = 10.0
MEMBERS_SHOWN = 24
# What writes the page, and what it draws with: it takes a second or two to load.
WRITES_THE_PAGE = (
    "epicycle.report.page",
    "jinja2",
    "plotly.graph_objects",
    "plotly.subplots",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg",
)
FIRST_LINE = "Looking for runs that are missing. The first training on a machine compiles for a while; later ones start sooner."
COLUMNS = {"arm": "left", "seed": "right", "step": "right", "train": "right", "test": "right", "state": "left"}


class Display:
    """Shows how far training is. Call it with the progress of a cohort; use it as a context manager.

    Args:
        arms: run id -> name of its arm.
        quiet: show nothing.
    """

    def __init__(self, arms: Mapping[str, str], quiet: bool = False) -> None:
        self._arms, self._quiet = arms, quiet
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if self._console.is_terminal else None
        self._last_line = time.perf_counter()

    def __enter__(self) -> "Display":
        self._format_before, warnings.formatwarning = warnings.formatwarning, _format_warning
        if not self._quiet:
            self._console.print(FIRST_LINE, style="dim", soft_wrap=True)
            if self._live:
                self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        warnings.formatwarning = self._format_before
        if self._live and not self._quiet:
            with suppress(OSError):
                self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show a cohort after a round of training."""
        if not self._quiet:
            with suppress(OSError):
                self._show(progress)

    def say(self, text: str) -> None:
        """Print what is done next."""
        if not self._quiet:
            with suppress(OSError):
                self._console.print(text, highlight=False, soft_wrap=True)

    def _show(self, progress: Progress) -> None:
        if self._live:
            self._live.update(self._table(progress), refresh=True)
        elif time.perf_counter() - self._last_line > SECONDS_BETWEEN_LINES or not progress.cohort.active():
            self._last_line = time.perf_counter()
            self._console.print(_summary(progress), highlight=False, soft_wrap=True)

    def _table(self, progress: Progress) -> Table:
        cohort = progress.cohort
        table = Table(title=_summary(progress), title_justify="left", box=None, padding=(0, 2))
        for name, side in COLUMNS.items():
            table.add_column(name, justify=side)  # type: ignore[arg-type]
        for member, (run, status) in enumerate(zip(cohort.runs, cohort.statuses(), strict=True)):
            if member == MEMBERS_SHOWN:
                table.add_row("...", "", "", "", "", f"{len(cohort.runs) - member} more")
                break
            train, test = (_last_value(cohort.records, series, member, cohort.rows[member]) for series in ("train_acc", "test_acc"))
            table.add_row(self._arms.get(run.id, ""), str(run.seed), f"{cohort.reached(member):,}", train, test, str(status))
        return table


def load_page_writer() -> None:
    """Load the modules that write the page. Whoever writes a page without this call loads them then."""
    for name in WRITES_THE_PAGE:
        importlib.import_module(name)


@contextmanager
def loading_meanwhile(display: Display) -> Iterator[Watcher]:
    """Load what writes the page while the devices train: Python has nothing to do then.

    Yields:
        The display; its first call, before the first round, starts to load.
    """
    loading = Thread(target=load_page_writer, daemon=True)

    def watch(progress: Progress) -> None:
        if not loading.ident:
            loading.start()
        display(progress)

    yield watch
    if loading.ident:
        loading.join()


def _format_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
    """A warning in one line, without the place in the library that raised it."""
    del filename, lineno, line
    return f"note: {message}\n" if category is UserWarning else f"{category.__name__}: {message}\n"


def _summary(progress: Progress) -> str:
    cohort, rate = progress.cohort, progress.rate
    steps_left = sum(cohort.stops[member] - cohort.reached(member) for member in cohort.active())
    furthest = max(map(cohort.reached, range(len(cohort.states))))
    time_left = f", at most {steps_left / rate:.0f} s left" if rate and steps_left else ""
    done = len(cohort.runs) - len(cohort.active())
    return f"step {furthest:,}: {done} of {len(cohort.runs)} runs done, {rate:,.0f} steps/s over all runs{time_left}"


def _last_value(records: Mapping[str, Any], series: str, member: int, rows: int) -> str:
    if series not in records or not rows:
        return ""
    recorded = records[series][member, :rows]
    known = recorded[np.isfinite(recorded)]  # rows that only other members record are NaN
    value = known[-1] if len(known) else np.nan
    return f"{value:.3f}" if np.isfinite(value) else "nan"
