"""A study file to begin with, its keys explained."""

import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tlstudy.config.fields import NAME_PATTERN
from tlstudy.config.given import BASE, base_file
from tlstudy.config.yaml_files import read_content
from tlstudy.storage.errors import UserError

TEMPLATE = """\
# A study of your own. It lies on top of config.yaml: what is not written here is as it is there.
#   tlstudy plan {file}                            what it costs
#   snakemake --cores all --configfile {file}      runs it
#   tlstudy status {file}                          how far it is
# All keys and their limits: config/README.md.

# Name of the study; its results are in results/{name}.
study: {name}

# Each seed draws the training images, the start of the weights and the order of the images.
# Intervals need 5 seeds or more.
seed: [26, 27, 28, 29, 30]

# Number of training images. A list is a sweep, here and wherever a value of an arm stands.
subset_size: 50

evaluation:
  # Test images after every epoch, and after the last one. Looking takes time: fewer are faster.
  epoch_images: 100
  final_images: 2000

landscape:
  # Seeds whose runs get loss landscapes; [] for none.
  seeds: []

# Arms are what is compared: each is trained with every seed on every number of images.
arms:
  # A network that starts from random weights.
  new: &ours
    label: New
    initialisation: random
    # Images of your own: a folder with a sub-folder for each class.
    # target: {{folder: photos}}
    # target: fashion-mnist
    # architecture: resnet18
    # image_size: 64
    # epochs: 30
    # A sweep of the learning rate:
    # optimiser: {{name: adam, learning_rate: [0.001, 0.0003]}}
    # Arms of a group are compared with the first of it. Arms of config.yaml have `corrected`.
    group: corrected
  # The same network from pretrained weights; `<<` takes all settings of the arm above.
  pretrained: {{<<: *ours, label: Pretrained, initialisation: imagenet}}
  # Arms of config.yaml that this study leaves out.
  new-published: null
  pretrained-published: null

# Claims are judged by the study: state them before anything has run.
# claims:
#   better:
#     text: A pretrained network learns more than a new one from 50 images.
#     quantity: balanced_accuracy      # tlstudy claims --quantities lists what can be claimed
#     arm: pretrained
#     against: new
#     effect: 0.1                      # at least 10 points
"""


def new_study(name: str, file: str) -> str:
    """The text of a study file.

    Raises:
        UserError: a study cannot have that name, or another one has it.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise UserError(
            f"{file}: '{name}' can be no study's name; it must hold only the letters a to z and A "
            "to Z, digits, dots and hyphens. Take another file name."
        )
    base: Mapping[str, Any] = {}
    with suppress(UserError):  # there may be no such file here
        base = read_content(base_file()).settings
    taken, folder = base.get("study"), Path(str(base.get("results", "results")), name)
    if Path(file).name == BASE or name == taken:
        raise UserError(
            f"{file}: {BASE} lies below all studies, and its study is '{taken or 'slides'}'; take "
            "another file name."
        )
    if folder.exists():
        raise UserError(
            f"{file}: its results would be mixed with {folder}; take another file name."
        )
    return TEMPLATE.format(name=name, file=shlex.quote(file))
