"""`--measures`: measures as a user names them on the command line."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epicycle.spec.families import Measure

CIRCUITS, LANDSCAPE = "circuits", "landscape"  # words that stand for the usual measures of circuits and of the landscape
MEASURES_HELP = (
    "kinds (gen_logit,mem_logit), `circuits` or `landscape` for the usual ones of these, or YAML "
    "('{kind: restricted, quantity: acc, fit: held_out}'). May be repeated. docs/reference.md lists the kinds."
)


def named_measures(texts: Iterable[str]) -> "list[Measure]":
    """The measures that all `--measures` name, each text as the option takes it."""
    return [measure for text in texts for measure in _measures(text)]


def _measures(text: str) -> "list[Measure]":
    """The measures that one `--measures` names."""
    from epicycle.circuits import CIRCUIT_SET
    from epicycle.measures import LANDSCAPE_SET
    from epicycle.spec.observation import Observation
    from epicycle.spec.own_code import offer_folder
    from epicycle.spec.yaml_text import load_yaml

    offer_folder(Path.cwd())  # it may name measures in the user's own files
    where = "--measures"
    if text.lstrip().startswith(("{", "[")):
        read = load_yaml(text, where)
        named = read if isinstance(read, list) else [read]
    else:
        words = [word.strip() for word in text.split(",")]
        sets = {CIRCUITS: CIRCUIT_SET, LANDSCAPE: LANDSCAPE_SET}
        named = [each for word in words for each in sets.get(word, ({"kind": word},))]
    return list(Observation.parse({"measures": named}, where).measures)
