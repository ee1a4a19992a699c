"""Model search systems and the substrate that all of them stand on.

Importing this package installs the torchvision import hook (see
``systems.torchvision_operators``); it imports neither torch nor torchvision.
"""

from systems.torchvision_operators import install

install()
