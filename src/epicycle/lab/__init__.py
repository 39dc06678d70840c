"""Runs a study: arms become runs, runs are trained in cohorts and judged."""
