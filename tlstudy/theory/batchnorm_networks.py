"""Networks with two hidden layers, with or without BatchNorm, whose weights can be rescaled."""

import copy

import torch
from torch import nn

WIDTH = 32
PARTS = ("encoder", "head", "both")
# The scaled part's learning rate is multiplied by this power of the factor c. Under BatchNorm a
# layer's output does not depend on the scale of its weights, and the gradient by weights times c is
# the unscaled one over c. Except for eps in denominators, SGD with rate c^2 and Adam with rate c,
# whose steps do not depend on the gradient's size, pass through c times the unscaled run's weights.
RULES = {"fixed": 0, "factor": 1, "squared-factor": 2}
OPTIMISERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
RATES = {"sgd": 0.1, "adam": 0.01}


def network(dimensions: int, normalised: bool) -> nn.Sequential:
    """Two hidden ReLU layers of WIDTH units and a linear head.

    Args:
        normalised: BatchNorm in each hidden layer, instead of a bias.
    """
    layers = []
    for incoming in (dimensions, WIDTH):
        layers.append(nn.Linear(incoming, WIDTH, bias=not normalised))
        layers += [nn.BatchNorm1d(WIDTH)] if normalised else []
        layers.append(nn.ReLU())
    return nn.Sequential(*layers, nn.Linear(WIDTH, 1))


def encoder_weights(model: nn.Sequential) -> list[nn.Parameter]:
    """Weights of the hidden layers, (WIDTH, incoming) each."""
    return [layer.weight for layer in model[:-1] if isinstance(layer, nn.Linear)]


def scaled_parameters(model: nn.Sequential, part: str) -> list[nn.Parameter]:
    """The parameters of a part: weights of the hidden layers, all of the head, or both."""
    encoder = encoder_weights(model) if part != "head" else []
    return [*encoder, *(model[-1].parameters() if part != "encoder" else ())]


def rescaled(
    model: nn.Sequential, part: str, factor: float, with_statistics: bool = False
) -> nn.Sequential:
    """A copy with a part's weights times the factor.

    Args:
        with_statistics: also multiply the running means behind these weights by the factor and
            the running variances by its square.
    """
    result = copy.deepcopy(model)
    with torch.no_grad():
        for weight in scaled_parameters(result, part):
            weight *= factor
        if with_statistics and part != "head":
            for layer in normalisations(result):
                layer.running_mean *= factor
                layer.running_var *= factor**2
    return result


def normalisations(model: nn.Sequential) -> list[nn.BatchNorm1d]:
    """Its BatchNorm layers."""
    return [layer for layer in model if isinstance(layer, nn.BatchNorm1d)]


def optimiser(
    model: nn.Sequential, part: str, factor: float, name: str, rule: str
) -> torch.optim.Optimizer:
    """The optimiser of OPTIMISERS, with a rule of RULES for the scaled part's learning rate."""
    scaled = scaled_parameters(model, part)
    known = {id(weight) for weight in scaled}
    others = [weight for weight in model.parameters() if id(weight) not in known]
    rate = RATES[name]
    groups = [{"params": others}, {"params": scaled, "lr": rate * factor ** RULES[rule]}]
    return OPTIMISERS[name](groups, lr=rate)


def fit(
    model: nn.Sequential,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    chosen: torch.optim.Optimizer,
    steps: int,
) -> None:
    """Full-batch steps on half the mean squared error of inputs (samples, dimensions) and targets
    (samples,)."""
    model.train()
    for _ in range(steps):
        chosen.zero_grad()
        (0.5 * ((outputs(model, inputs) - targets) ** 2).mean()).backward()
        chosen.step()


def outputs(model: nn.Sequential, inputs: torch.Tensor) -> torch.Tensor:
    """(samples,) outputs."""
    return model(inputs)[:, 0]
