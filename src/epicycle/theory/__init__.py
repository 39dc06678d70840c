"""Grokking without a network: the small models that texts argue with, giving the same series as runs.

A theory is the root of an arm (`theory:` in place of `experiment:`). Its runs are stored, found again and judged as those of networks.
"""

THEORIES: dict[str, str] = {}
