"""Numbers and needs in words."""


def percent(share: float, digits: int = 1) -> str:
    """A share as per cent: 0.1051 is 10.5 %."""
    return f"{100 * share:.{digits}f} %"


def needed(need: str) -> str:
    """A need of a sentinel as a reader of a table or a run folder knows it.

    Columns of the metrics come first and together: "column a or b".
    """
    parts = need.split(" or ")
    columns = [part.partition(".")[2] for part in parts if part.startswith("metrics.")]
    others = [_of_a_run(part) for part in parts if not part.startswith("metrics.")]
    return " or ".join([*([f"column {' or '.join(columns)}"] if columns else []), *others])


def _of_a_run(part: str) -> str:
    attribute, _, name = part.partition(".")
    return {
        "metrics": "epochs",
        "layers": f"{name} of each layer",
        "record": f"{name} in run.json" if name else "run.json",
        "landscape": "a landscape",
        "subset": "a record of the training images",
        "training": "the settings of the training",
        "reported_epoch": "the rule for the reported epoch",
        "reported": "the reported values",
    }[attribute]
