"""Who will need which parameter when."""
