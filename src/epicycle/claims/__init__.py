"""Judgement: events, statistics with intervals, verdicts, accounts. NumPy only; nothing here trains."""
