"""Verbs of the command line that need more room than a few lines."""
