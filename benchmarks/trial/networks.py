"""The pretrained network of the trial: digits 0 to 4, with normalised inputs."""

from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn


class SmallConvNet(nn.Module):
    """Two convolutions with BatchNorm, and a head."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1, bias=False)),
            *(nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
        self.head = nn.Linear(32, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores (N, 5) of images (N, 1, 8, 8)."""
        return self.head(self.body(images))


def pretrain(path: Path) -> None:
    """Train on the digits 0 to 4 and write the weights."""
    torch.manual_seed(1)
    images, labels = map(torch.tensor, load_digits(n_class=5, return_X_y=True))
    images = (images.float().reshape(-1, 1, 8, 8) / 16 - 0.3) / 0.38
    network = SmallConvNet()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.005)
    for _ in range(5):
        for batch in torch.randperm(len(images)).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimiser.step()
    torch.save(network.state_dict(), path)
