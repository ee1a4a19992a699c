"""Checkpoints as others save them: found, read, cut into blocks and stored."""
