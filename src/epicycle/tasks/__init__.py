"""The world: finite tables with symmetries, and the splits that choose which rows are trained on."""
