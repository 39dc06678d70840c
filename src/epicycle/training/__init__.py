"""The engine, the only code that trains: state, objective, optimisers, edits, the cohort program and the loop that drives it."""
