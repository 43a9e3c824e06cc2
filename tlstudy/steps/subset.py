"""Step `subset`: the training images of (target, drawing, size, seed), and a look at them."""

from tlstudy.config.settings import Study
from tlstudy.config.study_targets import targets
from tlstudy.data.stored import load_images
from tlstudy.data.subset import describe_subset, draw_subset
from tlstudy.data.transforms import transformed
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.report.figures.contact_sheet import write_contact_sheet
from tlstudy.storage.files import write_json_atomically


@with_provenance(graph.subset)
def make_subset(study: Study, target: str, drawing: str, size: int, seed: int) -> None:
    """Draw training images and write `subset.json` and a contact sheet.

    Args:
        target: its key.
    """
    of = targets(study)[target]
    images, labels = load_images(paths.images_folder(study.cache, of), "train")
    indices = draw_subset(labels, drawing, size, seed)
    folder = paths.subset_folder(study, target, drawing, size, seed)
    shown = transformed(images, of, "train", indices)
    write_contact_sheet(shown, labels[indices], of.data.classes, folder, size, seed)
    drawn = {
        **{"target": target, "drawing": drawing, "size": size, "seed": seed},
        **describe_subset(indices, labels, of.outputs),
    }
    write_json_atomically(folder / paths.SUBSET_RECORD, drawn)
