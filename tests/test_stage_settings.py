"""The configuration that jobs read."""

from configurations import changed

from tlstudy.stages.settings import write_settings
from tlstudy.study import build_study, load_study


def test_jobs_read_the_study_that_was_written(tmp_path):
    study = build_study(changed("results", str(tmp_path)))
    assert load_study([write_settings(study)]) == study


def test_another_configuration_leaves_the_running_jobs_theirs(tmp_path):
    first = build_study(changed("results", str(tmp_path)))
    before = write_settings(first).read_bytes()
    other = first.model_copy(update={"seed": [1]})
    assert write_settings(other) != write_settings(first)
    assert write_settings(first).read_bytes() == before
