"""Which blocks to run in which order, and what that needs: no torch in here."""
