"""Two versions of the code: whether one is slower, or answers differently."""
