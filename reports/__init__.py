"""What comes out of the records of runs: statistics, comparison, tables and figures.

Reads records only. pandas, matplotlib and seaborn are imported where they are used, so
that importing this package costs nothing.
"""
