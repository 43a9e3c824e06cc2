"""What the log says of long work."""

import logging

from tlstudy.storage import durations
from tlstudy.storage.durations import duration, with_time_left


def test_durations_in_words():
    assert [duration(s) for s in (40, 180, 7500)] == ["40 s", "3 min", "2 h 5 min"]


def test_steps_pass_through_and_the_time_left_is_told_every_ten_seconds(monkeypatch, caplog):
    clock = iter(range(0, 100, 4))  # a step takes four seconds
    monkeypatch.setattr(durations.time, "monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO)
    assert list(with_time_left("abcdefg", "row")) == list("abcdefg")
    told = [record.message for record in caplog.records]
    assert told == ["row 3 of 7, about 16 s left", "row 6 of 7, about 4 s left"]
