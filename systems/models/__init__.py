"""Models as sequences of blocks: architectures, splitting, skeletons, snapshot sets."""
