"""What operations cost in forward passes of one image, for the plan."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlstudy.config.study import Run

GRADIENT = 3  # a forward pass with its gradient
# The same where no gradient, or none of the convolutions, is computed of what is held.
PASSES_OF_A_PART = {"head": 1, "batchnorm": 2, "bias": 2}
HESSIAN_PRODUCT = 18  # a Hessian-vector product: measured, about six gradients
BFLOAT16 = 0.5  # a pass in bfloat16, where the processor has it


def cost_of_pass(precision: str) -> float:
    """Passes that one pass in this precision counts for."""
    return BFLOAT16 if precision == "bfloat16" else 1


def training_passes(run: "Run", images: float) -> float:
    """Passes that all epochs on some images count for."""
    settings, held = run.settings, PASSES_OF_A_PART.get(run.settings.trained.part, GRADIENT)
    passes = settings.epochs * held * images * cost_of_pass(settings.precision)
    return passes + (GRADIENT * images if settings.trained.by_gradients else 0)
