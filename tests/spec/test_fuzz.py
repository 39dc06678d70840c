"""Hostile studies: each is planned, or answered with one paragraph, within ten seconds and a gigabyte.

EPICYCLE_FUZZ sets the number of studies: 10000 in the slow lane.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from tests.spec.hostile import documents

from epicycle.lab.cost_plan import claim_plans
from epicycle.lab.study_checks import refuse_mistakes
from epicycle.spec.errors import InputError
from epicycle.studies.study_files import load_file

N_STUDIES = int(os.environ.get("EPICYCLE_FUZZ", "150"))
KILOBYTES = 1 if sys.platform == "linux" else 1024  # per unit of ru_maxrss
INTERNALS = ("Traceback", "pydantic", "function-", "constrained-", "validation error", "<class", "ruamel", "object at 0x")


def answer(path: Path) -> str:
    """What planning a study file without rehearsal comes to: empty if it is planned, else the message."""
    try:
        study = load_file(path)
        forms = [study, *map(study.at_profile, study.profiles), *map(study.on_organism, study.organisms)]
        for form in forms:
            runs = refuse_mistakes(form)
            assert sum(map(len, runs.values())) <= 100_000
            if not form.pilot:
                claim_plans(form, runs)
    except InputError as error:
        return str(error)
    return ""


@settings(max_examples=N_STUDIES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(text=documents())
def test_hostile_studies_are_planned_or_answered(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        message = answer(path)
        seconds, kilobytes = time.monotonic() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / KILOBYTES
    assert "\n" not in message
    assert len(message) < 4000
    assert not [word for word in INTERNALS if word in message], message
    assert seconds < 10
    assert kilobytes < 1e6
