"""What the command line's exit codes mean."""

OK, REGRESSED, USAGE, INVALID, INTERRUPTED = 0, 1, 2, 3, 130
"""1 is a slower version or drift of a history. 3 is nothing measured, invalid or failed runs,
different answers, damaged data. The gate has 4, inconclusive, besides
(``reports.gating.judgement``)."""
