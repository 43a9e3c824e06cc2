"""Made-up inputs of the report, and a reader of its pages, for the tests of the report."""

import functools
import re
from html.parser import HTMLParser

import audit_study
import numpy as np
import pandas as pd
import synthetic

from tlstudy.config.catalogue import figure_names, study_figure_names
from tlstudy.config.tables import ALL_TABLES
from tlstudy.config.targets import MNIST
from tlstudy.jobs.progress import progress
from tlstudy.report.inputs import ContactSheet, Inputs
from tlstudy.report.page.render import render
from tlstudy.report.sentences.progress import section

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = {
    "architecture": "resnet50",
    "source": "he2015",
    "description": "He et al. 2015",
    "imagenet_top1_percent": 74.9,
    "origin_sha256": "cd" * 32,
    "sha256": "ab" * 32,
    "parameters": 25_557_032,
    "tried": [
        {"source": "IMAGENET1K_V2", "outcome": "could not be had"},
        {"source": "he2015", "outcome": "used"},
    ],
}
DRAWING = """<?xml version="1.0" encoding="utf-8"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
     width="504pt" height="216pt" viewBox="0 0 504 216" version="1.1">
 <defs><style type="text/css">*{stroke-linejoin: round}</style>
  <clipPath id="window"><rect width="500" height="200"/></clipPath></defs>
 <g id="axes" clip-path="url(#window)">
  <path id="mark" d="M 1.12 2.99 L 3 4" style="stroke: #6e6e78"/>
  <use xlink:href="#mark" x="5" y="6" style="fill: #1b1b1e; stroke: #6e6e78"/>
 </g>
</svg>"""


def make_inputs(seeds=1, diverged=frozenset(), sizes=(50,), arms=None, epochs=6) -> Inputs:
    study = synthetic.make_study(seeds=seeds, sizes=sizes, arms=arms, epochs=epochs)
    return inputs_from(study, synthetic.make_tables(study, diverged))


def audit_inputs(seeds=5, diverged=frozenset(), sizes=(50,), epochs=6) -> Inputs:
    """The audit's own study, its fourteen arms and claims, on made-up tables."""
    study = audit_study.make_study(seeds=seeds, sizes=sizes, epochs=epochs)
    return inputs_from(study, audit_study.make_tables(study, diverged))


def inputs_from(study, tables: dict) -> Inputs:
    """Inputs of a report with all of the study's figures, each the same drawing."""
    sizes = study.subset_size
    shown = {*Inputs.__annotations__} & {*ALL_TABLES} & {*tables} - {"runs"}
    drawings = {name: DRAWING for name in figure_names(study)}
    digits = [digit for digit in range(10) for _ in range(5)]
    subset = {"indices": list(range(50)), "labels": digits, "counts": [5] * 10, "duplicates": 0}
    return Inputs(
        study=study,
        progress=section(progress(study)),
        runs=fill_runs(tables["runs"]),
        **{name: tables[name] for name in shown},
        landscapes=tables["landscapes"],
        figures={size: drawings for size in sizes},
        study_figures={name: DRAWING for name in study_figure_names(study)},
        contact_sheets=[
            ContactSheet(MNIST, "published", 50, 26, subset, svg=DRAWING),
            ContactSheet(MNIST, "stratified", 50, 26, subset, svg=DRAWING),
        ],
        weights={("resnet50", "imagenet"): WEIGHTS},
        images=[{"files": {"train-images-idx3-ubyte": "0f" * 32}}],
    )


def fill_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The columns that made-up runs lack; those that diverged have no reported values."""
    pretrained = runs["initialisation"] != "random"
    runs = runs.assign(
        run=runs["arm"] + runs["subset_size"].map("/n~{}".format) + runs["seed"].map("/{}".format),
        device="cpu",
        precision="bfloat16",
        evaluation_precision="bfloat16",
        threads=2,
        torch="2.6.0",
        code="0123456789",
        commit=COMMIT,
        reported_test_images=2000,
        weights_source=np.where(pretrained, "he2015", ""),
        weights_sha256=np.where(pretrained, "ab" * 32, ""),
        training_seconds=120.0,
        evaluation_seconds=240.0,
        seconds=360.0,
        peak_memory_gib=3.2,
    )
    scores = ["reported_loss", "reported_accuracy", "reported_balanced_accuracy"]
    runs.loc[runs["status"] != "finished", scores] = np.nan
    return runs


DIVERGED = frozenset({("new", 28), ("pretrained", 30)})
CASES = {
    "one seed": {},
    "ten seeds": {"seeds": 10, "diverged": DIVERGED},
    "sizes": {"seeds": 3, "sizes": (50, 100)},
    "sweep": {"seeds": 2, "arms": synthetic.sweep_arms()},
}
AUDIT_CASES = {"audit": {}, "audit, one seed, two sizes": {"seeds": 1, "sizes": (50, 100)}}


@functools.cache
def inputs_of(case: str) -> Inputs:
    return audit_inputs(**AUDIT_CASES[case]) if case in AUDIT_CASES else make_inputs(**CASES[case])


@functools.cache
def report_of(case: str) -> "Page":
    return Page(render(inputs_of(case)))


class Page(HTMLParser):
    """Elements, visible text and nesting of a page; nesting errors are collected."""

    VOID = frozenset({"meta", "link", "img", "br"})
    HIDDEN = frozenset({"style", "script", "pre", "title", "desc"})

    def __init__(self, html: str):
        super().__init__()
        self.html, self.elements, self.texts, self.open = html, [], [], []
        self.errors, self.headings = [], []
        self.feed(html)
        self.close()
        self.errors += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.errors.append(f"</{tag}> inside {self.open[-3:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if not self.HIDDEN & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]
