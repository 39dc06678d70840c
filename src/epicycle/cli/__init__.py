"""The command line: commands, progress display, Ctrl-C handling."""
