"""Pure functions with no state, which every other folder may use."""
