"""Step `subset`: the training images of (drawing, size, seed), and a look at them."""

from tlstudy.config.settings import Study
from tlstudy.data.images import load_images
from tlstudy.data.subset import describe_subset, draw_subset
from tlstudy.jobs import graph, paths
from tlstudy.jobs.provenance import with_provenance
from tlstudy.report.figures.contact_sheet import write_contact_sheet
from tlstudy.storage.files import write_json_atomically


@with_provenance(graph.subset)
def make_subset(study: Study, drawing: str, size: int, seed: int) -> None:
    """Draw training images and write `subset.json` and a contact sheet."""
    images, labels = load_images(paths.images_folder(study.cache), "train")
    indices = draw_subset(labels, drawing, size, seed)
    folder = paths.subset_folder(study, drawing, size, seed)
    write_contact_sheet(images[indices], labels[indices], folder, size, seed)
    drawn = {"drawing": drawing, "size": size, "seed": seed, **describe_subset(indices, labels)}
    write_json_atomically(folder / "subset.json", drawn)
