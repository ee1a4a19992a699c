"""Vision transformers of torchvision, and their blocks.

The first block makes tokens of an image (patch projection, class token, position
embedding); each further one is a transformer layer; the last one ends with the final layer
norm and gives the class token.
"""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from systems.models.without import without

# Of the sizes of DeiT-Ti (Touvron et al., 2021), which torchvision does not offer by name.
_TINY = {"patch_size": 16, "num_layers": 12, "num_heads": 3, "hidden_dim": 192, "mlp_dim": 768}


class ImageTokens(nn.Module):
    """Image [B, 3, H, W] to tokens [B, 1 + patches, D], the class token first."""

    def __init__(self, plain: VisionTransformer) -> None:
        super().__init__()
        self.conv_proj = plain.conv_proj
        self.class_token = plain.class_token
        self.pos_embedding = plain.encoder.pos_embedding

    def forward(self, images: Tensor) -> Tensor:
        """Project patches, put the class token in front, add position embeddings."""
        patches = self.conv_proj(images)  # [B, D, H / patch, W / patch]
        batch, size = patches.shape[:2]
        patches = patches.reshape(batch, size, -1).permute(0, 2, 1)  # [B, patches, D]
        tokens = torch.cat([self.class_token.expand(batch, -1, -1), patches], dim=1)
        return tokens + self.pos_embedding


class LastLayer(nn.Module):
    """Tokens [B, L, D] to features [B, D]: a layer, the final norm, the class token."""

    def __init__(self, layer: nn.Module, ln: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.ln = ln

    def forward(self, tokens: Tensor) -> Tensor:
        """Run the last layer and give the class token."""
        # A view would keep the tokens of all patches in memory.
        return self.ln(self.layer(tokens))[:, 0].contiguous()


def build(name: str, resolution: int | None) -> nn.Module:
    """The published model for images of that resolution (pixels), randomly initialised."""
    if name == "vit_ti_16":
        return VisionTransformer(image_size=resolution, **_TINY)
    return torchvision.models.get_model(name, image_size=resolution)


def split(plain: VisionTransformer) -> tuple[nn.Module, ...]:
    """The blocks of ``plain``, [B, 3, H, W] to [B, D], sharing its submodules."""
    *middle, last = plain.get_submodule("encoder.layers").children()
    return (ImageTokens(plain), *middle, LastLayer(last, plain.encoder.ln))


def features(plain: VisionTransformer, images: Tensor) -> Tensor:
    """Features [B, D] of images [B, 3, H, W] by the plain model's own forward."""
    with without(plain, "heads", put=nn.Identity()):
        return plain(images)
