"""What later stages need of a run that was trained: its weights, images and settings."""

from dataclasses import dataclass

import torch
from torch import nn

from tlstudy.config.settings import Study, Training
from tlstudy.config.study import Run
from tlstudy.jobs import paths
from tlstudy.measures.landscape import unflatten
from tlstudy.networks.build import initial_network
from tlstudy.networks.trainer import Images
from tlstudy.stages.train import load_run_images, load_run_weights
from tlstudy.storage.reading import read_record, read_tensors


@dataclass
class FineTuned:
    """A run after its training.

    Attributes:
        training: its settings, at the learning rate that it was trained with.
        vectors: flat float32 weights, as `tlstudy.stages.train.write_plane` leaves them.
    """

    run: Run
    record: dict
    training: Training
    images: Images
    vectors: dict[str, torch.Tensor]
    pretrained: tuple[dict, dict] | None
    device: torch.device

    @property
    def finished(self) -> bool:
        return self.record["status"] == "finished"

    def network_with(self, vector: torch.Tensor) -> nn.Module:
        """A network of the run's architecture on its device, with the weights of a vector."""
        network = initial_network(self.training, self.run.seed, self.pretrained)
        network.to(self.device, memory_format=torch.channels_last)
        weights = [weight.data for weight in network.parameters()]
        torch._foreach_copy_(weights, unflatten(vector, weights))
        return network


def load_fine_tuned(study: Study, run: Run, device: torch.device) -> FineTuned:
    """Read what a training left.

    Raises:
        UserError: the run was not trained, or its weights are gone.
    """
    folder = paths.folder_of_run(study, run)
    record = read_record(folder / "run.json", "train")
    pretrained = load_run_weights(study, run)
    return FineTuned(
        run=run,
        record=record,
        training=run.settings.with_learning_rate(record["learning_rate"]),
        images=load_run_images(study, run, pretrained[1] if pretrained else None, device),
        vectors=read_tensors(folder / "plane.safetensors", "train"),
        pretrained=pretrained,
        device=device,
    )
