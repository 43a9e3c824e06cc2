"""What earlier steps stored is read back whole, or a sentence says which file is damaged."""

import json
import re
from contextlib import suppress

import pandas as pd
import pytest
from configurations import changed

from tlstudy.config.study import build_study
from tlstudy.jobs import paths
from tlstudy.jobs.tables import read_table as table_of_study
from tlstudy.storage.errors import UserError
from tlstudy.storage.reading import made_by, read_json, read_table

TABLE = pd.DataFrame({"epoch": range(100), "loss": [float(i) for i in range(100)]})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1', "Expecting ',' delimiter: line 1 column 8 (char 7)"),
        (b'{"a\xec": 1}', "it cannot be read as json"),
        (b"[1]", "it is no mapping"),
    ],
)
def test_a_damaged_record_is_named_in_plain_words(tmp_path, content, reason):
    file = tmp_path / "run.json"
    file.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_json(file, "train")
    assert error.value.message == (
        f"{file}: is damaged ({reason}); delete it and {made_by('train')}."
    )


def test_a_key_that_a_record_lacks_is_named(tmp_path):
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"a": {"b": 1}}))
    for ask in (lambda record: record["c"], lambda record: record["a"]["c"]):
        with pytest.raises(UserError, match=r"run\.json: is damaged \(it lacks 'c'\)"):
            ask(read_json(file, "train"))


def damaged_bytes(content: bytes) -> list[bytes]:
    """The file cut off, and with each byte of its footer, where all is described, changed."""
    begin = max(0, len(content) - 2000)
    cut = [content[: len(content) // part] for part in (2, 3, 10)] + [b""]
    return cut + [
        content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]
        for place in range(begin, len(content), 7)
    ]


def test_damaged_tables_end_in_a_sentence_or_are_read(tmp_path):
    """Whatever the reader raises: most of what can be in its footer is an error of its own."""
    file = tmp_path / "metrics.parquet"
    TABLE.to_parquet(file)
    told = []
    for content in damaged_bytes(file.read_bytes()):
        file.write_bytes(content)
        with suppress(UserError):  # any other error fails the test
            read_table(file, "train", TABLE.columns)
            continue
        with pytest.raises(UserError) as error:
            read_table(file, "train", TABLE.columns)
        told.append(error.value.message)
    reasons = {
        re.sub(r"lacks the column '\w+', or is of an earlier version", "", message)
        for message in told
    }
    assert reasons <= {
        f"{file}: is damaged (it {reason}); delete it and {made_by('train')}."
        for reason in ("cannot be read as parquet", "")
    }
    assert len(told) > 20


def test_a_table_of_a_study_must_have_its_columns(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    file = paths.tables_folder(study) / "runs.parquet"
    file.parent.mkdir(parents=True)
    TABLE.to_parquet(file)
    with pytest.raises(UserError, match=r"runs\.parquet: is damaged \(it lacks the column"):
        table_of_study(study, "runs")
