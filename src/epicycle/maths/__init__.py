"""Pure functions with no state."""
