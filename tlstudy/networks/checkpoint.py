"""Checkpoints: a training that is interrupted goes on from one and ends the same."""

import logging
import time

import torch

from tlstudy.networks.architecture import load_state
from tlstudy.networks.moves import copies
from tlstudy.networks.trainer import Outcome, Trainer
from tlstudy.storage.scratch import Scratch

log = logging.getLogger(__name__)

SECONDS_BETWEEN = 30.0
SHARE = 0.02  # of a training's time that its checkpoints may take, on a slow disk too


def train_from_checkpoint(trainer: Trainer, scratch: Scratch) -> Outcome:
    """Run a trainer, which must follow its weights, from its last checkpoint or the start."""
    outcome = None
    if scratch.checkpoint:
        outcome = restore(trainer, scratch)
        done, epochs = scratch.checkpoint["epochs"], trainer.training.epochs
        log.info("goes on after epoch %d of %d, kept in %s", done, epochs, scratch.folder)
    return trainer.run(outcome, Keeper(trainer, scratch).after_epoch)


class Keeper:
    """Keeps a checkpoint after an epoch if the last one is old enough."""

    def __init__(self, trainer: Trainer, scratch: Scratch):
        self.trainer, self.scratch = trainer, scratch
        self.ended, self.took = time.monotonic(), 0.0

    def after_epoch(self, outcome: Outcome) -> None:
        """Keep a checkpoint if one is due."""
        began = time.monotonic()
        if began - self.ended >= max(SECONDS_BETWEEN, self.took / SHARE):
            keep(self.trainer, outcome, self.scratch)
            self.ended = time.monotonic()
            self.took = self.ended - began


def keep(trainer: Trainer, outcome: Outcome, scratch: Scratch) -> None:
    """Keep the state of the training and the rows of its epochs.

    The path of the weights is by far the largest part, so only its new rows are written.
    """
    epochs = len(outcome.metrics)
    before = scratch.checkpoint or {"epochs": 0, "path": []}
    state, path = f"state-{epochs}.safetensors", f"path-{epochs}.safetensors"
    tensors = _state(trainer)
    checkpoint = {
        "epochs": epochs,
        "metrics": list(outcome.metrics),
        "layers": list(outcome.layers),
        "order": trainer.order.bit_generator.state,
        "schedule": trainer.schedule and trainer.schedule.state_dict(),
        "held_out_losses": trainer.best and list(trainer.best.losses),
        "rates": [group["lr"] for group in trainer.optimiser.param_groups],
        "strides": {name: tensor.stride() for name, tensor in tensors.items()},
        "state": state,
        "path": [*before["path"], path],
    }
    files = {
        state: {name: tensor.cpu().contiguous() for name, tensor in tensors.items()},
        path: {"rows": trainer.moves.trajectory.rows_after(before["epochs"])},
    }
    scratch.keep(checkpoint, files, besides=before["path"])


def restore(trainer: Trainer, scratch: Scratch) -> Outcome:
    """Put a new trainer to where its checkpoint is; return the outcome up to there."""
    checkpoint = scratch.checkpoint
    held = [weight for group in trainer.optimiser.param_groups for weight in group["params"]]
    states: dict[str, dict[str, torch.Tensor]] = {"network": {}, "average": {}, "best": {}}
    for name, saved in scratch.tensors(checkpoint["state"]).items():
        # The last digits of a sum depend on how a tensor lies in memory.
        tensor = torch.empty_strided(saved.shape, checkpoint["strides"][name], dtype=saved.dtype)
        tensor = tensor.copy_(saved).to(trainer.device)
        part, _, rest = name.partition("/")
        if part in states:
            states[part][rest] = tensor
        elif part == "gradient":
            trainer.weights[int(rest)].grad = tensor
        else:
            index, _, key = rest.partition("/")
            trainer.optimiser.state[held[int(index)]][key] = tensor
    load_state(trainer.network, states["network"])
    if trainer.average:
        load_state(trainer.average, states["average"])
    if trainer.best:
        trainer.best.losses, trainer.best.state = checkpoint["held_out_losses"], states["best"]
    trainer.order.bit_generator.state = checkpoint["order"]
    if trainer.schedule:
        trainer.schedule.load_state_dict(checkpoint["schedule"])
    for group, rate in zip(trainer.optimiser.param_groups, checkpoint["rates"], strict=True):
        group["lr"] = rate
    for path in checkpoint["path"]:
        trainer.moves.trajectory.append_rows(scratch.tensors(path)["rows"])
    trainer.moves.previous = copies(trainer.moves.weights)
    return Outcome(
        metrics=checkpoint["metrics"],
        layers=checkpoint["layers"],
        held_out_losses=checkpoint["held_out_losses"],
    )


def _state(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Weights, BatchNorm statistics, the optimiser's state, and gradients that add up.

    Averages of weights and those of the best epoch too, where there are any.
    """
    states = {"network": trainer.network.state_dict()}
    if trainer.average:
        states["average"] = trainer.average.state_dict()
    if trainer.best:
        states["best"] = trainer.best.state
    tensors = {
        f"{part}/{name}": value for part, state in states.items() for name, value in state.items()
    }
    for index, state in trainer.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in state.items()}
    if trainer.training.optimiser_holds == "another-network":
        gradients = enumerate(weight.grad for weight in trainer.weights)
        tensors |= {f"gradient/{index}": value for index, value in gradients if value is not None}
    return tensors
