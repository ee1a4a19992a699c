"""What to run: scenario files, the table of run parameters, and the expansion to cells.

Knows names and units only: no torch, and nothing of how a run is carried out.
"""
