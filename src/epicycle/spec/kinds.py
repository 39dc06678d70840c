"""The table of kinds: family -> kind -> `module:Class`.

Every family lists its kinds in its own folder (`tasks/__init__.py`, ...). The package hands these lists over when it is imported, so
that `spec` needs to know no other folder. The entries are text: listing a kind imports nothing until the kind is used.
"""

from collections.abc import Mapping

KINDS: dict[str, dict[str, str]] = {}
PRESETS: dict[str, str] = {}


def declare(families: Mapping[str, Mapping[str, str]], presets: Mapping[str, str]) -> None:
    """Fill the table."""
    KINDS.update({family: dict(kinds) for family, kinds in families.items()})
    PRESETS.update(presets)
