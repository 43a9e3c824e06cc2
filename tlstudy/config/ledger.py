"""Settings of the ladder and of the ledger of claims."""

from typing import Literal

from pydantic import Field

from tlstudy.config.fields import Name, NotNegative, Number, Settings, Words


class Rung(Settings):
    """A step of the ladder: a group of two arms, a new network and a pretrained one."""

    group: Name = Field(description="Group of the arms that are compared on this rung.")
    mends: list[str] = Field([], description="Flaws that the rung before it still has.")
    put_back: Name | None = Field(
        None,
        description="Group of two arms with the protocol of the last rung that mends a flaw (a "
        "name F1, F2, ...), but for what this rung mends: its flaws alone, put back.",
    )


class Control(Settings):
    """What must hold in every seed before a claim can be tested at all."""

    quantity: str = Field(description="Quantity, as in a claim.")
    arm: str = Field(description="Arm by name.")
    at_least: Number = Field(description="Smallest value at which the control passes.")
    says: Words = Field(
        description="What must hold, in words. A failed control is reported as 'It was not so "
        "that', followed by these words."
    )


class Pair(Settings):
    """Two arms whose difference is taken."""

    arm: str = Field(description="Arm by name.")
    against: str = Field(description="Arm that it is compared with.")


class Claim(Settings):
    """A claim as data: what was said, and the comparison and effect size that decide it.

    The value of a seed is `quantity` of `arm` minus that of `against`, or minus the number
    `above`. If `minus` is given, the same difference of its two arms is subtracted too. If
    `direction` is `lower`, the sign of the result is reversed.
    """

    text: Words = Field(description="The claim as it was made.")
    slide: Words = Field(
        "",
        description="Where it was made: the slide by its title. Claims of the slides with "
        "Proposition 3 bring its section.",
    )
    quantity: str = Field("", description="What is compared: `tlstudy claims --quantities`.")
    arm: str = Field("", description="Arm by name.")
    against: str = Field("", description="Arm that it is compared with; empty: with `above`.")
    against_quantity: str = Field("", description="Another quantity there; empty: the same.")
    above: Number = Field(0.0, description="Number that it is compared with if with no arm.")
    minus: Pair | None = Field(
        None,
        description="Two other arms whose difference is taken off: the claim is then that one "
        "difference is greater than another. Each pair has a target of its own, transforms of the "
        "same images.",
    )
    direction: Literal["higher", "lower"] = Field("higher", description="What the claim says.")
    margin: NotNegative = Field(
        0.0,
        description="Shortfall that the claim allows, for claims of no difference: with 0.05 "
        "values above \u22120.05 support it.",
    )
    effect: NotNegative = Field(
        0.0, description="Effect size, stated before the runs: the least that supports the claim."
    )
    controls: list[Control] = Field([], description="What must hold in every seed.")
    figure: str = Field("", description="Figure of the report that shows it.")
    open: Words = Field("", description="Why it is not tested yet; then it needs no comparison.")


# Functions, as their code counts for the step that judges claims: that of settings does not.


def least(claim: Claim) -> float:
    """Values above it support the claim."""
    return claim.effect - claim.margin


def pairs(claim: Claim) -> dict[str, Claim | Pair]:
    """Arms that a claim compares, by what follows its key: its own, and those of `minus`."""
    return {"": claim} | ({".minus": claim.minus} if claim.minus else {})


def sides(claim: Claim) -> list[tuple[str, str]]:
    """Quantity and arm of what is compared; the signs of its value are +, -, -, + in this order.

    One side where it is compared with a number, four where two differences are.
    """
    if claim.open:
        return []
    quantities = claim.quantity, claim.against_quantity or claim.quantity
    return [
        (quantity, arm)
        for pair in pairs(claim).values()
        for quantity, arm in zip(quantities, (pair.arm, pair.against), strict=True)
        if arm
    ]
