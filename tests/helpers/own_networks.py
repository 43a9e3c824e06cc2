"""Networks of a user's own, as a study names them: {python: "own_networks:tokens"}."""

import torch
from torch import nn
from torch.nn.functional import dropout
from torch.nn.utils.parametrizations import spectral_norm
from torchvision.models import VisionTransformer, resnet18


def tokens(num_classes: int) -> nn.Module:
    """A vision transformer with few weights, and dropout."""
    size = {"image_size": 32, "patch_size": 8, "num_layers": 2, "num_heads": 2}
    return VisionTransformer(
        **size, hidden_dim=32, mlp_dim=64, dropout=0.1, num_classes=num_classes
    )


class Branching(nn.Module):
    """A network that torch.fx cannot follow: what it calls depends on the images."""

    def __init__(self, outputs: int):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.last = nn.Linear(4, outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.shape[0] > 1000:
            images = images[:1000]
        return self.last(self.body(images).mean(dim=(2, 3)))


def branching(num_classes: int) -> nn.Module:
    return Branching(num_classes)


def smooth(num_classes: int) -> nn.Module:
    """torchvision's ResNet-18 with another activation in a block."""
    network = resnet18(num_classes=num_classes)
    network.layer3[0].relu = nn.GELU()
    return network


def without_a_head(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, num_classes + 1, 32), nn.Flatten())


def in_place(num_classes: int) -> nn.Module:
    """What comes after its convolution changes the convolution's outputs in place."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=4),
        nn.LeakyReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(256, 8),
        nn.Linear(8, num_classes),
    )


class OfTwoHeads(nn.Module):
    """Only the last of two layers whose outputs are averaged would be replaced."""

    def __init__(self, outputs: int):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.first, self.last = nn.Linear(4, outputs), nn.Linear(4, outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.body(images).mean(dim=(2, 3))
        return (self.first(features) + self.last(features)) / 2


class Pair(OfTwoHeads):
    """In training it gives the outputs of both layers, as torchvision's googlenet can."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.body(images).mean(dim=(2, 3))
        last = self.last(features)
        return (self.first(features), last) if self.training else last


class Dropping(Pair):
    """Asks for itself whether it is trained."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.body(images).mean(dim=(2, 3))
        return self.last(dropout(features, 0.5, training=self.training))


def of_two_heads(num_classes: int) -> nn.Module:
    return OfTwoHeads(num_classes)


def pair(num_classes: int) -> nn.Module:
    return Pair(num_classes)


def dropping(num_classes: int) -> nn.Module:
    return Dropping(num_classes)


def normalised(num_classes: int) -> nn.Module:
    """BatchNorm on the outputs, as many as the function was called with."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, num_classes), nn.BatchNorm1d(num_classes))


def spectral(num_classes: int) -> nn.Module:
    """Vectors that training changes stand beside its weights and decide what they do."""
    return nn.Sequential(
        spectral_norm(nn.Conv2d(3, 4, 3)), nn.Flatten(), nn.Linear(3600, num_classes)
    )


def linear(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, num_classes))
