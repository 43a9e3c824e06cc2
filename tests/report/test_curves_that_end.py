"""Curves of runs that diverged, or ended early, beside those of whole runs."""

import numpy as np
import synthetic
from matplotlib.figure import Figure

from tlstudy.report.figures import curves, draw, layerwise, points, style


def test_a_diverged_run_ends_with_a_cross_and_is_not_averaged():
    values = np.ones((6, 10))
    values[2, 4:] = np.nan
    values[2, 3] = 7.0
    ax = points.draw_curves(Figure().subplots(), np.arange(1, 11), values, color=style.NEW)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [(line.get_xdata(), line.get_ydata()) for line in crosses] == [([4], [7.0])]
    [mean] = [line for line in ax.lines if line.get_linewidth() == 1.6]
    np.testing.assert_array_equal(mean.get_ydata(), np.ones(10))


def test_a_run_that_ended_early_has_no_cross_and_the_mean_goes_as_far_as_all_runs():
    study = synthetic.make_study({"new": {"early_stopping": {}}}, seeds=6, epochs=10)
    metrics = synthetic.make_tables(study)["metrics"]
    metrics = metrics[(metrics["seed"] != 28) | (metrics["epoch"] <= 4)]
    assert not points.has_stopped(study, metrics, ["new"])
    shown = points.seed_curves(study, metrics, "new", "train_loss")
    assert list(shown.ends) == [10, 10, 4, 10, 10, 10]
    ax = points.draw_curves(Figure().subplots(), *shown, color=style.NEW)
    assert not [line for line in ax.lines if line.get_marker() == "x"]
    [mean] = [line for line in ax.lines if line.get_linewidth() == 1.6]
    np.testing.assert_allclose(mean.get_ydata(), shown.values[:, :4].mean(axis=0))
    assert "With early stopping" in curves.note_of(study, metrics, 50, ["new"])
    metrics.loc[(metrics["seed"] == 29) & (metrics["epoch"] == 10), "train_loss"] = np.nan
    assert points.has_stopped(study, metrics, ["new"])
    ax = points.draw_curves(
        Figure().subplots(),
        *points.seed_curves(study, metrics, "new", "train_loss"),
        color=style.NEW,
    )
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [line.get_xdata() for line in crosses] == [[9]]


def test_runs_that_all_stopped_at_once_say_nothing_of_the_epochs_looked_at():
    study = synthetic.make_study(seeds=2)
    tables = synthetic.make_tables(study)
    metrics = tables["metrics"].query("epoch == 1").copy()
    values = metrics.columns.difference(["arm", "subset_size", "seed", "epoch", "test_images"])
    tested = [name for name in values if name.startswith("test_")]
    metrics[tested] = np.nan  # weights that became infinite in the first step
    assert curves.looked_at_last_epoch_only(study, metrics) == []
    metrics[values] = np.nan
    assert curves.looked_at_last_epoch_only(study, metrics) == []
    for name in ("loss-new", "loss-pretrained", "balanced-accuracy", "gradient-norm"):
        with style.look(name):
            draw(study, name, tables | {"metrics": metrics}, 50)


def test_layer_maps_go_as_far_as_all_finished_runs():
    study = synthetic.make_study({"new": {"early_stopping": {}}}, seeds=3, epochs=6)
    tables = synthetic.make_tables(study)
    layers = tables["layers"]
    tables["layers"] = layers[(layers["seed"] != 28) | (layers["epoch"] <= 4)]
    found = layerwise.layer_map(tables, "new", layerwise.ANGLE)
    assert list(found.columns) == [1, 2, 3, 4]
