"""Contact sheets of training images as figures of the page."""

from tlstudy.config.datasets import DIGITS, DataSet
from tlstudy.config.settings import Study
from tlstudy.report.format import count, join, sentence, whole
from tlstudy.report.inputs import ContactSheet
from tlstudy.report.page.figures import PageFigure, folder_told
from tlstudy.report.page.svg import inline_svg
from tlstudy.report.sentences import protocol

MOST_COUNTED = 12  # classes whose images are told one by one


def _counted(data: DataSet, counts: list[int]) -> str:
    """How many images each class has; of many classes the fewest and the most."""
    if data.classes == DIGITS:
        return f"Images of the digits 0 to 9: {join(map(str, counts))}."
    if len(counts) > MOST_COUNTED:
        return f"Images of a class: {min(counts)} to {max(counts)}, of {len(counts)} classes."
    each = (f"{name} {number}" for name, number in zip(data.classes, counts, strict=True))
    return f"Images of the classes: {join(each)}."


def sheet(study: Study, sheet: ContactSheet) -> PageFigure:
    key = f"sheet-{sheet.target.key}-{sheet.drawing}-{sheet.subset_size}"
    data = sheet.target.data
    duplicates = sheet.subset.get("duplicates", 0)
    repeated = (
        f" {sentence(count(duplicates, 'image'))} {'was' if duplicates == 1 else 'were'} drawn "
        "more than once."
    )
    caption = (
        f"{sentence(data.title)}, {protocol.DRAWINGS[sheet.drawing]}: {whole(sheet.subset_size)} "
        f"images. {_counted(data, sheet.subset['counts'])}{repeated * (duplicates > 0)}"
    )
    title = f"Training images of seed {sheet.seed}"
    command = (
        f"tlstudy subset {folder_told(study)} --target "
        f"{sheet.target.key} --drawing {sheet.drawing} --subset-size {sheet.subset_size} "
        f"--seed {sheet.seed}"
    )
    return PageFigure(
        key=f"figure-{key}",
        title=title,
        caption=caption,
        svg=inline_svg(sheet.svg or "", key, title, caption),
        file=f"{study.study}-{key}",
        command=command,
    )
