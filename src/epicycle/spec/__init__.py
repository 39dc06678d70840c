"""What to run, as frozen data. No JAX here."""
