"""A run after its training, for the measurements on it."""

from dataclasses import dataclass

import torch
from torch import nn

from tlstudy.config.settings import Evaluation
from tlstudy.config.study import Run
from tlstudy.config.training import Training
from tlstudy.networks.build import initial_network
from tlstudy.networks.images import Batch, Images, training_batches
from tlstudy.networks.pretrained import PretrainedWeights
from tlstudy.networks.trajectory import unflatten


@dataclass
class FineTuned:
    """A run after its training.

    Attributes:
        training: its settings, at the learning rate that it was trained with.
        train_losses: train loss after 0, 1, ... epochs, nats.
        vectors: flat float32 weights, as `steps.train.write_plane` leaves them.
    """

    run: Run
    record: dict
    training: Training
    evaluation: Evaluation
    images: Images
    train_losses: list[float]
    vectors: dict[str, torch.Tensor]
    pretrained: PretrainedWeights | None
    device: torch.device

    @property
    def finished(self) -> bool:
        return self.record["status"] == "finished"

    def batches(self) -> list[Batch]:
        """The training inputs and labels on the device, always in the same order."""
        return training_batches(self.training, self.images, self.device)

    def network_at(self, point: str) -> nn.Module:
        """A network of the run's architecture on its device, with the weights of `vectors`."""
        network = initial_network(self.training, self.run.seed, self.pretrained)
        network.to(self.device, memory_format=torch.channels_last)
        weights = [weight.data for weight in network.parameters()]
        torch._foreach_copy_(weights, unflatten(self.vectors[point], weights))
        return network
