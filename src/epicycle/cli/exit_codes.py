"""The exit code of each way to end. Nothing is imported, so a signal has its code before anything else is loaded."""

DONE, BAD_INPUT, INTERRUPTED = 0, 2, 3  # 1 is Python's own, for an error that nobody foresaw
