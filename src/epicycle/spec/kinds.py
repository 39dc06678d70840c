"""The table of kinds: family -> kind -> `module:Class`.

Every family lists its kinds in its own folder (`tasks/__init__.py`, ...). The package hands these lists over when it is imported, so
that `spec` needs to know no other folder. The entries are text: listing a kind imports nothing until the kind is used.
"""

from collections.abc import Mapping

KINDS: dict[str, dict[str, str]] = {}
PRESETS: dict[str, str] = {}
# Family -> a name that other codes use for a part that is not here, or is written otherwise here -> what to write; empty if nothing.
ELSEWHERE: dict[str, dict[str, str]] = {}


def declare(families: Mapping[str, Mapping[str, str]], presets: Mapping[str, str], elsewhere: Mapping[str, Mapping[str, str]]) -> None:
    """Fill the tables."""
    ELSEWHERE.update({family: dict(names) for family, names in elsewhere.items()})
    KINDS.update({family: dict(kinds) for family, kinds in families.items()})
    PRESETS.update(presets)
