"""The results folder: the only code that opens its files. Reading executes nothing that is stored.

- `files.py`: where every file lies. `atomic.py`: files that appear whole or not at all.
- A cohort: `cohorts.py`, with `cohort_members.py`, `cohort_marker.py`, `series.py` and `checkpoints.py`.
- Reading: `reading.py` (datasets), `runs.py` (one run), `catalogue.py` (where a run is), `studies.py` (studies that were run).
"""
