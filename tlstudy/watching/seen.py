"""What was seen of a training, in numbers: the findings are made of nothing else."""

from collections import Counter
from dataclasses import dataclass, field

import torch

MOST = 200_000  # fingerprints of a kind that are kept; about 100 bytes each


@dataclass
class ParameterSeen:
    """A parameter of the watched network.

    Attributes:
        held: an optimiser has it.
        trainable: it required a gradient at every look.
        frozen: it required none at the last look.
        gradient: the largest norm of its gradient at a step; 0 without one.
        start, last: sum of its values before the first step, and at the last look.
        moved: the sum was another later.
        moved_frozen: it was another at a look than at the look before, frozen at both.
    """

    start: float
    last: float
    held: bool = False
    trainable: bool = True
    frozen: bool = False
    gradient: float = 0.0
    moved: bool = False
    moved_frozen: bool = False

    @property
    def is_lacking(self) -> bool:
        """No optimiser has it, though it is trained, be it unfrozen only later."""
        unfrozen = not self.frozen and self.gradient > 0
        return not self.held and (self.trainable or unfrozen)


@dataclass
class BatchNormSeen:
    """Statistics of a BatchNorm layer.

    Attributes:
        initial_left: share of the running statistics that is from before the training.
        shift: how far the batch's means are from the running ones, in deviations.
        ratio: the batch's deviations over the running ones.
        samples: values a channel behind both; 0 before any look.
    """

    updates: int = 0
    initial_left: float = 0.0
    shift: float = 0.0
    ratio: float = 1.0
    samples: int = 0


@dataclass
class InputsSeen:
    """The first batch, and what the first BatchNorm layer made of it, where it is pretrained."""

    least: float
    most: float
    mean: float
    deviation: float
    is_image: bool
    layer: str = ""
    first: BatchNormSeen | None = None


@dataclass
class ExamplesSeen:
    """Fingerprints of examples.

    Attributes:
        trained: those of training steps.
        first: how many examples the steps of the first epoch had.
        first_different: how many different ones; 0 before that epoch has ended.
        twins: those that came more than once in it.
        repeated, new: how many examples of later epochs had been trained on, and had not.
        evaluated: those of evaluations.
        mixed: evaluated ones that had been trained on, in a batch with others that had not.
        pure: evaluated ones in batches that consist of training examples.
        is_interleaved: such batches came in turns with others, as no loader of its own gives them.
        given: those of the test images that the user gave.
    """

    trained: set[int] = field(default_factory=set)
    first: int = 0
    first_different: int = 0
    twins: set[int] = field(default_factory=set)
    repeated: int = 0
    new: int = 0
    evaluated: set[int] = field(default_factory=set)
    mixed: set[int] = field(default_factory=set)
    pure: set[int] = field(default_factory=set)
    is_interleaved: bool = False
    returns: int = 0  # from another batch to one of training examples, since the last step
    was_pure: bool = True
    given: set[int] | None = None

    def train_on(self, examples: list[int], again: bool) -> None:
        """Note a batch of a step; again: it is not the first epoch."""
        self.returns, self.was_pure = 0, True
        if again:
            known = sum(one in self.trained for one in examples)
            self.repeated += known
            self.new += len(examples) - known
        elif len(self.trained) < MOST:
            self.first += len(examples)
            for one in examples:
                if one in self.trained:
                    self.twins.add(one)
                self.trained.add(one)
        if len(self.trained) < MOST:
            self.trained.update(examples)

    def end_epoch(self) -> None:
        """The first epoch tells how many training examples are equal to others."""
        self.first_different = self.first_different or len(self.trained)

    @property
    def share_of_twins(self) -> float:
        """Share of the first epoch's examples that were equal to another one of it."""
        alone = self.first_different - len(self.twins)
        return 1 - alone / self.first if self.first_different else 0.0

    def evaluate(self, examples: set[int]) -> bool:
        """Note a batch of an evaluation; False if it consists of training examples."""
        known = examples & self.trained
        is_test = not examples or known != examples
        if is_test:
            self.mixed |= known
        else:
            self.pure |= examples
            self.mixed -= examples  # they came when not all of them had been trained on
            self.returns += not self.was_pure
            self.is_interleaved |= self.returns > 1
        self.was_pure = not is_test
        if len(self.evaluated) < MOST:
            self.evaluated |= examples
        return is_test


@dataclass
class Calls:
    """Numbers of forward passes of one kind."""

    training_mode: int = 0
    evaluation_mode: int = 0

    def add(self, training_mode: bool) -> None:
        if training_mode:
            self.training_mode += 1
        else:
            self.evaluation_mode += 1


@dataclass
class Seen:
    """All that was seen.

    Attributes:
        foreign: parameters of the optimisers that the network does not have.
        clear_checks, not_cleared: steps before which it was looked whether the gradients were
            cleared, and those where they were not.
        loss_checks, wrong_inputs: losses whose inputs were looked at, and what was wrong with them.
        broadcasts: functions with the shapes of outputs and targets, where these were repeated.
        trained: forward passes with a backward pass and a step.
        layers_off: those of them in which the network was in training mode, but all layers that
            depend on it were in evaluation mode; frozen BatchNorm alone does not count.
        without_step: those with a backward pass that no step followed in the epoch.
        first_in_evaluation_mode: step of the first of them in evaluation mode.
        evaluated: forward passes without gradients, after the first step.
        idle: those with gradients that no backward pass followed.
        idle_at_end: those of them, in training mode, after the last step of an epoch.
        modes_differ: there are layers that do other things in training than in evaluation.
        batches: fingerprints of the steps' batches; two are enough to know that they differ.
        longest_epoch: most steps in an epoch.
        not_finite: where, and at which step, the first non-finite value was.
        failed_checks: by name, errors of checks that could not judge this.
    """

    steps: int = 0
    epochs: int = 0
    optimisers: int = 1
    foreign: int = 0
    clear_checks: int = 0
    not_cleared: int = 0
    loss_checks: int = 0
    wrong_inputs: list[tuple[str, str]] = field(default_factory=list)
    broadcasts: Counter[tuple[str, tuple, tuple]] = field(default_factory=Counter)
    trained: Calls = field(default_factory=Calls)
    layers_off: int = 0
    without_step: int = 0
    first_in_evaluation_mode: int | None = None
    evaluated: Calls = field(default_factory=Calls)
    idle: Calls = field(default_factory=Calls)
    idle_at_end: int = 0
    modes_differ: bool = False
    test_values_given: bool = False
    batches: set[int] = field(default_factory=set)
    longest_epoch: int = 0
    not_finite: str = ""
    failed_checks: dict[str, str] = field(default_factory=dict)
    frozen_batchnorm_updates: list[str] = field(default_factory=list)
    parameters: dict[str, ParameterSeen] = field(default_factory=dict)
    batchnorm: dict[str, BatchNormSeen] = field(default_factory=dict)
    examples: ExamplesSeen = field(default_factory=ExamplesSeen)
    inputs: InputsSeen | None = None


@dataclass(eq=False)
class Call:
    """A forward pass of the network, until it is known what it was for.

    Attributes:
        training_mode: a layer that depends on the mode was in training mode.
        training_is_meant: the network itself was, or only frozen BatchNorm was not.
        layers_off: the network itself was, but no layer that depends on it.
        examples: fingerprints of its batch.
        losses: mean of each loss that was computed from it.
        backward: value that the backward pass began with.
        right, labels: correctly classified examples, and how many have a label.
    """

    training_mode: bool
    with_gradients: bool
    size: int
    training_is_meant: bool = True
    layers_off: bool = False
    examples: list[int] = field(default_factory=list)
    trained: bool = False
    losses: list[torch.Tensor] = field(default_factory=list)
    backward: torch.Tensor | None = None
    right: torch.Tensor | None = None
    labels: torch.Tensor | None = None

    @property
    def loss(self) -> torch.Tensor | None:
        """The loss as it was computed; of several, what the backward pass began with."""
        return self.losses[0] if len(self.losses) == 1 else self.backward

    @property
    def loss_examples(self) -> torch.Tensor | int:
        """Examples that its loss is the mean of."""
        return self.size if self.labels is None or len(self.losses) != 1 else self.labels


@dataclass
class Mean:
    """Sums of loss and correct answers over calls, kept where they were computed."""

    loss: torch.Tensor | float = 0.0
    loss_examples: torch.Tensor | int = 0
    right: torch.Tensor | float = 0.0
    labels: torch.Tensor | int = 0
    examples: int = 0

    def add(self, call: Call) -> None:
        self.examples += call.size
        if call.loss is not None:
            number, loss = call.loss_examples, call.loss * call.loss_examples
            if isinstance(number, torch.Tensor):  # of a batch without any label there is no mean
                loss = loss.where(number > 0, 0.0)
            self.loss = self.loss + loss
            self.loss_examples = self.loss_examples + number
        if call.right is not None:
            self.right = self.right + call.right
            self.labels = self.labels + call.labels

    def row(self, prefix: str) -> dict[str, float]:
        """Mean loss and accuracy, those that are known."""
        row = {}
        if self.loss_examples:
            row[f"{prefix}_loss"] = float(self.loss) / int(self.loss_examples)
        if self.labels:
            row[f"{prefix}_accuracy"] = float(self.right) / int(self.labels)
        return row
