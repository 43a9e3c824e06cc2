"""Figure of a network's features by stage: how alike before and after training, and how many."""

from matplotlib.figure import Figure

from tlstudy.config.groups import label_of
from tlstudy.config.settings import Study
from tlstudy.report.figures import meanings, points, style
from tlstudy.report.figures.captions import measured_note
from tlstudy.report.figures.invariance import by_stage
from tlstudy.report.names import stage_label

# Title, label of the axis, and the measures with the lines that show them.
PANELS = (
    ("Similarity of before and after", "CKA", {"similarity": "-"}),
    (
        "Dimensions of the features",
        "dimensions",
        {"dimensions-before": ":", "dimensions-after": "--", "shared-dimensions": "-"},
    ),
    (
        "Images decoded from the features",
        "R\N{SUPERSCRIPT TWO}",
        {"reconstruction-before": ":", "reconstruction-after": "--"},
    ),
)
LINES = {"before training": ":", "after": "--", "of both (similarity, shared)": "-"}
COLOURS = (*style.SHADES[False], style.GAP, *style.SHADES[True], style.PINK)


def features_figure(study: Study, tables: points.Tables, size: int) -> Figure:
    """A panel for each kind of measure, stages across, a colour for each arm."""
    table = tables["features"]
    arms, text = measured_note(study, table, size, labels=False)
    if not arms:
        return style.words_figure("no run's features were measured", text)
    colours = {arm: COLOURS[place % len(COLOURS)] for place, arm in enumerate(arms)}
    handles = [style.entry(label_of(study, arm), colours[arm], linewidth=4) for arm in arms]
    handles += [style.entry(words, linestyle=line) for words, line in LINES.items()]
    figure = style.new_figure(2.0 * style.panel_rows(len(PANELS)), handles, text)
    of_arm = {tuple(rows["stage"].unique()) for _, rows in table.groupby("arm")}
    stages = [stage_label(stage) for stage in next(iter(of_arm))]
    if len(of_arm) > 1:  # networks with other stages: the places are all that they share
        stages = [str(place) for place in range(1, max(map(len, of_arm)) + 1)]
    panels = style.panel_grid(figure, len(PANELS))
    for ax, (title, label, lines) in zip(panels, PANELS, strict=True):
        for arm in arms:
            for measure, line in lines.items():
                rows = table[(table["arm"] == arm) & (table["measure"] == measure)]
                with meanings.named(ax, label_of(study, arm)):
                    points.draw_band(ax, by_stage(rows), colours[arm], line, first=0)
        style.dress(ax, title, xlabel="stage of the network", ylabel=label)
        style.named_columns(ax, stages)
    return figure
