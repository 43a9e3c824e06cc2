"""Which results of a study Snakemake would make, by their files and provenance."""

from collections.abc import Set
from pathlib import Path

from tlstudy.config.settings import Study
from tlstudy.jobs import paths
from tlstudy.jobs.graph import steps
from tlstudy.jobs.sharing import is_made


def results_left(study: Study, unended: Set[Path]) -> set[Path]:
    """Results that are missing, or of other settings, code or libraries, and what is made of them.

    What a training hands to its measurements does not stay: where one of them is to be made and
    that is gone, the run is trained again, and all of it is measured again.

    Args:
        unended: results of jobs that did not end well, or may be running.
    """
    every, folder = list(steps(study)), paths.study_folder(study)
    passing = {file: step for step in every for file in step.passing}
    to_make = [
        step
        for step in every
        if not unended.isdisjoint(step.outputs) or not is_made(study, step, folder)
    ]
    gone = {file for step in to_make for file in step.inputs if file in passing}
    to_make += [passing[file] for file in gone if not file.is_file()]
    again, left = {step.provenance for step in to_make}, set()
    for step in every:  # what a step reads is made before it
        if step.provenance in again or not left.isdisjoint(step.inputs):
            left.update(step.outputs)
    return left
