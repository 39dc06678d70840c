"""The command bench: the speed of training on this machine."""

from typing import Annotated

import typer

from epicycle.cli.app import JsonOption, PlatformOption
from epicycle.cli.output import print_json
from epicycle.cli.platform_choice import choose_platform

CaseArgument = Annotated[
    list[str] | None, typer.Argument(metavar="CASE", help="What to measure, for example canonical. Default: every case.")
]


def bench(case: CaseArgument = None, platform: PlatformOption = None, as_json: JsonOption = False) -> None:
    """Measure the speed of training on this machine.

    The time of a step is compared with the time of its matrix products alone and, where PyTorch is installed, with a plain PyTorch
    loop. All cases together take some minutes.

    For example: epicycle bench canonical
    """
    from epicycle.bench.cases import CASES
    from epicycle.bench.cases import bench as measure
    from epicycle.spec.errors import InputError, nearest

    for name in case or ():
        if name not in CASES:
            raise InputError(f"there is no benchmark case '{name}'; {nearest(name, CASES)}")
    choose_platform(platform)
    timings = measure(list(case or CASES), lambda line: typer.echo(line, err=as_json))
    if as_json:
        print_json(timings)
