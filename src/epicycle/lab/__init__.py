"""Runs a study: arms become runs, what is missing is trained, forks follow, claims are judged.

- `study.py`: the walk through a study. `registration.py`: what was claimed before the first step.
- `missing_runs.py`: decides which runs have to be trained, and trains them. `cohort_of_runs.py`: groups runs by program.
- `forks.py`: which forks there are. `fork_starts.py`: the state in which each begins. `fork_edits.py`: applies its edits.
- `study_checks.py`, `edit_checks.py`: mistakes, found before the first step. `foreseen.py`: the runs that a study will have.
- `cost_plan.py`: what a study costs before it runs; `past_ends.py`: how far its runs went before.
- `resources.py`: memory and disk. `session.py`: what every call needs.
- `activations.py`: what a run's network computes at a stored state.
"""
