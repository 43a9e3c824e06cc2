"""The ladder: the gap between a pretrained and a new network, as flaws are mended one by one.

A rung is a group of two arms, a new network and a pretrained one. All differences are taken seed
by seed before anything is averaged. What a fix does depends on what was mended before it, so a rung
may have a second group: the sound protocol with only this rung's flaws put back.
"""

from collections.abc import Iterator

import pandas as pd

from tlstudy.audit.answers import Answers, of_tables
from tlstudy.audit.statistics import Summary
from tlstudy.config.groups import pairs_of, sound_rung
from tlstudy.config.settings import Study
from tlstudy.storage.columns import LADDER

QUANTITIES = ("balanced_accuracy", "loss")
PARTS = ("new", "pretrained", "gap", "step")
PUT_BACK = "put-back "  # before the parts of the group with the rung's flaws put back
VALUES = ["rung", "group", "part", "seed", "value"]


def arms_of_rung(study: Study, rung: int) -> dict[str, str]:
    """Names of a rung's arms, by part: new and pretrained."""
    return _arms_of_group(study, study.ladder[rung].group)


def _arms_of_group(study: Study, group: str) -> dict[str, str]:
    return dict(zip(PARTS, pairs_of(study, study.arms)[group], strict=False))


def comparable(study: Study, rung: int, part: str, quantity: str) -> bool:
    """Whether the arms that a part of a rung is made of compare.

    Losses do only where the same enters the cross-entropy: a softmax output's lies between 1.461
    and 2.461 whatever the network does (F7).
    """
    heads = {study.arms[arm].head for _, arm in _terms(study, rung, part)}
    return quantity != "loss" or len(heads) == 1


def seed_values(study: Study, runs: pd.DataFrame, quantity: str, subset_size: int) -> pd.DataFrame:
    """Every seed's value of every part of every rung.

    Args:
        runs: the table of runs, `tlstudy.storage.columns.RUNS`.
        quantity: balanced_accuracy or loss.

    Returns:
        rung, group, part, seed, value, a row for each of the study's seeds; the parts are those
        of `tlstudy.storage.columns.LADDER`. NaN where a run that the value needs diverged.
    """
    reported = runs[runs["subset_size"] == subset_size].set_index(["arm", "seed"])
    reported = reported[f"reported_{quantity}"].astype(float)
    parts = list(_parts(study, reported))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=VALUES)


def _parts(study: Study, reported: pd.Series) -> Iterator[pd.DataFrame]:
    gap_before = None
    for rung, settings in enumerate(study.ladder):
        values = _values(study, reported, arms_of_rung(study, rung))
        if gap_before is not None:
            values["step"] = values["gap"] - gap_before
        gap_before = values["gap"]
        if settings.put_back:
            values |= _put_back(study, settings.put_back, reported, values.get("step"))
        for part, series in values.items():
            rows = series.rename_axis("seed").reset_index(name="value")
            yield rows.assign(rung=rung, group=settings.group, part=part)[VALUES]


def _values(study: Study, reported: pd.Series, arms: dict[str, str]) -> dict[str, pd.Series]:
    """Values of two arms by part, and their gap, a row for each of the study's seeds."""
    values = {
        part: pd.Series([reported.get((arm, seed)) for seed in study.seed], study.seed, float)
        for part, arm in arms.items()
    }
    return values | {"gap": values["pretrained"] - values["new"]}


def _put_back(
    study: Study, group: str, reported: pd.Series, step: pd.Series | None
) -> dict[str, pd.Series]:
    """Parts of a group with flaws put back, and how far the rung's own step is from theirs."""
    values = _values(study, reported, _arms_of_group(study, group))
    sound = _values(study, reported, arms_of_rung(study, sound_rung(study)))
    values["step"] = sound["gap"] - values["gap"]
    parts = {f"{PUT_BACK}{part}": series for part, series in values.items()}
    return parts if step is None else parts | {"order": step - values["step"]}


def part_summary(
    study: Study, answers: Answers, values: pd.DataFrame, quantity: str, size: int
) -> Summary:
    """Summary of a part of a rung, over seeds and test images where its answers are known.

    Args:
        values: rows of `seed_values` of the rung and part.
    """
    terms = _terms(study, int(values["rung"].iloc[0]), values["part"].iloc[0])
    return answers.summary(quantity, terms, size, values.set_index("seed")["value"])


def _terms(study: Study, rung: int, part: str) -> list[tuple[int, str]]:
    """Signs and arms of a part, as `seed_values` takes it."""
    if part == "order":
        step, alone = (_terms(study, rung, name) for name in ("step", f"{PUT_BACK}step"))
        return [*step, *_less(alone)]
    alone = part.startswith(PUT_BACK)
    arms = (
        _arms_of_group(study, study.ladder[rung].put_back) if alone else arms_of_rung(study, rung)
    )
    part = part.removeprefix(PUT_BACK)
    if part in arms:
        return [(1, arms[part])]
    gap = [(1, arms["pretrained"]), (-1, arms["new"])]
    if part == "gap":
        return gap
    if alone:
        return [*_terms(study, sound_rung(study), "gap"), *_less(gap)]
    return [*gap, *_less(_terms(study, rung - 1, "gap"))]


def _less(terms: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return [(-sign, arm) for sign, arm in terms]


def ladder_table(study: Study, runs: pd.DataFrame, answers: Answers | None = None) -> pd.DataFrame:
    """Rows of `tlstudy.storage.columns.LADDER`, for all subset sizes and both quantities.

    Parts of losses that do not compare are left out.

    Args:
        runs: the table of runs, `tlstudy.storage.columns.RUNS`.
        answers: image by image, where they are known.
    """
    answers = answers or of_tables(study, {})
    rows = [
        {
            "rung": rung,
            "group": group,
            "mends": ", ".join(study.ladder[rung].mends),
            "subset_size": size,
            "quantity": quantity,
            "part": part,
            **part_summary(study, answers, values, quantity, size).row(values["value"].to_numpy()),
        }
        for size in study.subset_size
        for quantity in QUANTITIES
        for (rung, group, part), values in seed_values(study, runs, quantity, size).groupby(
            ["rung", "group", "part"], sort=False
        )
        if comparable(study, rung, part, quantity)
    ]
    return pd.DataFrame(rows, columns=list(LADDER))


def ladder_text(table: pd.DataFrame) -> str:
    """The ladder for a terminal: the gap in points at every rung, its interval or range, and n.

    Args:
        table: rows of `tlstudy.storage.columns.LADDER`.
    """
    gaps = table[(table["quantity"] == "balanced_accuracy") & (table["part"] == "gap")]
    return "\n".join(
        f"{row['group']}, {row['subset_size']} images: gap "
        f"{Summary.of_row(row).text(lambda share: f'{100 * share:+.1f}', ' points')}"
        f"{'; mends ' + row['mends'] if row['mends'] else ''}"
        for row in gaps.to_dict("records")
    )
