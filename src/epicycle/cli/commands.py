"""The application with all its commands."""

from epicycle.cli.app import app
from epicycle.cli.bench_command import bench
from epicycle.cli.ledger_command import ledger
from epicycle.cli.measure_command import measure
from epicycle.cli.reading_commands import export, presets, report, show, studies
from epicycle.cli.surface_command import surface
from epicycle.cli.training_commands import fork, plan, run

__all__ = ["app"]

for command in (
    run,
    fork,
    plan,
    measure,
    surface,
    studies,
    presets,
    show,
    report,
    ledger,
    bench,
    export,
):  # in the order of `epicycle --help`
    app.command()(command)
