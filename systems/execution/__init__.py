"""Carrying out execution plans: blocks, intermediates, features."""
