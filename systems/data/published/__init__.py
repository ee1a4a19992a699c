"""The datasets of the paper in their published folder layouts."""
