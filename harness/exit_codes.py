"""What the command line's exit codes mean."""

OK, REGRESSED, USAGE, NOTHING_MEASURED, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""1 and 4 are the gate's, 1 stands for drift of a history too, and 3 for invalid runs and
different answers."""
