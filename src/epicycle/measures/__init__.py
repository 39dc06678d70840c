"""The instruments: one file per family of measures, each a pure function of a declared snapshot."""
