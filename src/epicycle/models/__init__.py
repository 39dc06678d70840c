"""The learner: one file per architecture; `sites.py` names every activation."""
