"""What the command line's exit codes mean."""

OK, REGRESSED, USAGE, NOTHING_MEASURED, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""1 and 4 are the gate's; 3 stands for invalid runs and different answers too."""
