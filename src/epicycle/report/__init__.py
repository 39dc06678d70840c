"""Figures and pages: one grammar for reports, notebooks and papers."""
