"""The epoch whose weights do best on training images that are held out."""

import numpy as np
import torch
from torch import nn

from tlstudy.networks.architecture import load_state


class BestEpoch:
    """Keeps the weights of the epoch with the lowest loss on held-out images.

    Attributes:
        losses: of the epochs so far, nats; infinite where one is not a number.
        state: weights and buffers of the best epoch, by name.
    """

    def __init__(self, patience: int):
        self.patience = patience
        self.losses: list[float] = []
        self.state: dict[str, torch.Tensor] = {}

    @property
    def epoch(self) -> int:
        """The best one, from 1; the first of equals."""
        return 1 + int(np.argmin(self.losses))

    @property
    def is_over(self) -> bool:
        """Whether the loss has not fallen for as many epochs as one is patient."""
        return len(self.losses) - self.epoch >= self.patience

    def after_epoch(self, network: nn.Module, loss: float) -> None:
        """Take note of an epoch."""
        self.losses.append(loss if np.isfinite(loss) else np.inf)
        if self.epoch == len(self.losses):
            state = network.state_dict()
            self.state = {name: value.detach().clone() for name, value in state.items()}

    def restore(self, network: nn.Module) -> None:
        """Give the network the weights of the best epoch."""
        load_state(network, self.state)
