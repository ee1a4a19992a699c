"""How to measure: fresh processes, limits, spans, records, and the command line."""
