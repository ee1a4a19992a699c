"""Hard limits around one run: memory, cores, read bandwidth, and an end without remains."""

from harness.limits.available import available_limits
from harness.limits.confinement import Confinement, confine
from harness.limits.groups import WallsError
from harness.limits.launcher import LAUNCH_FAILED

__all__ = ["LAUNCH_FAILED", "Confinement", "WallsError", "available_limits", "confine"]
