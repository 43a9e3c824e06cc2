"""Picture of a finding for docs/audit.md: `python -m benchmarks.alarms.picture LOG PNG`."""

from pathlib import Path

import click
from matplotlib.figure import Figure

from tlstudy.audit.own_runs.reading import Options, read_each
from tlstudy.audit.sentinels.overfitting import overfitting
from tlstudy.report.figures.files import DOTS_PER_INCH
from tlstudy.report.figures.style import NEW, PRETRAINED, SLIDES, WIDTH, look


@click.command()
@click.argument("log", type=click.Path(exists=True, path_type=Path))
@click.argument("png", type=click.Path(path_type=Path))
def main(log: Path, png: Path) -> None:
    """Draw the losses of a log that overfits, and where its test loss is least."""
    ((source,), _) = read_each([log], Options())
    (evidence,) = source.runs
    train, test = evidence.series("train_loss"), evidence.test_values("loss")
    with look(png.stem):
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(train, color=PRETRAINED, label="train loss")
        axes.plot(test, color=NEW, label="test loss")
        best = test.idxmin()
        axes.axvline(best, color=SLIDES, linestyle="--", linewidth=1)
        axes.annotate(
            f"least test loss: epoch {best}",
            (best, test.max()),
            (6, 0),
            textcoords="offset points",
            va="top",
        )
        axes.set(xlabel="epoch", ylabel="loss, nats", ylim=(0, None))
        axes.set_title(f"overfitting: {overfitting.saw(evidence)}", wrap=True, loc="left")
        axes.legend(loc="center right")
        figure.savefig(png, dpi=DOTS_PER_INCH)


if __name__ == "__main__":
    main()
