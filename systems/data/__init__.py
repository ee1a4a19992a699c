"""Labelled target data: datasets, splits, halving schedules and the batch loader."""
