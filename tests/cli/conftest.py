"""Fixtures of every test of the command line."""

from tests.cli.commands import command, figures

__all__ = ["command", "figures"]
