"""Figures: one style, one file each; equal input gives equal bytes."""
