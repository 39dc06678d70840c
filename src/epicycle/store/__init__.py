"""The results folder: the only code that opens its files. Reading executes nothing that is stored.

- `files.py`: where every file lies. `entries.py`: what may lie there. `atomic.py`: files that appear whole or not at all.
- `documents.py`: stored documents as typed values; `study_documents.py` has those of a study.
- A cohort: `cohorts.py`, with `cohort_members.py`, `cohort_marker.py`, `series.py`, `series_layout.py` and `checkpoints.py`.
- Reading: `reading.py` (datasets), `grids.py` and `clocks.py` (what users see of them), `runs.py` and `knobs_in_force.py` (one run).
- Looking up: `catalogue.py` (where a run is), `studies.py` (studies that were run).
"""
