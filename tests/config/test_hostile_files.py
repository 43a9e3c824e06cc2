"""Study files that mean harm: values without end, and names that are none."""

import os

import pytest
from configurations import DEFAULT, changed, message
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tlstudy.config import image_folders
from tlstudy.config.fields import TURNING, UNPRINTABLE, printable_words
from tlstudy.config.given import given_study
from tlstudy.config.image_folders import look_into
from tlstudy.config.study import build_study
from tlstudy.config.targets import Target
from tlstudy.config.yaml_files import parsed, read_content
from tlstudy.storage.errors import UserError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("study: &a [*a]", "found undefined alias 'a'"),
        ("arms: &a {new: *a}", "found undefined alias 'a'"),
        ("arms: {new: &a {<<: *a}}", "found undefined alias 'a'"),
        ("study: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("study: " + "[" * 5000, "is nested too deeply"),
        ("subset_size: 050", "found 050, which YAML takes for 40; write 40"),
        ("seed: 1:30", "found 1:30, which YAML takes for 90; write 90"),
    ],
)
def test_a_file_that_is_no_study_is_refused_with_its_line(tmp_path, text, told):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as error:
        read_content(file)
    assert error.value.message.startswith(str(file))
    assert told in error.value.message


@pytest.mark.parametrize("value", ["&a [*a]", "[" * 5000, "!!python/name:os.system"])
def test_a_change_on_the_command_line_is_read_alike(value):
    with pytest.raises(UserError, match=r"--set arms\.new\.label=.*: the value is not YAML"):
        given_study([], [f"arms.new.label={value}"])


def test_a_sweep_without_bounds_is_refused_before_it_is_expanded():
    many = list(range(1, 5000))
    arms = {"new": {"initialisation": "random", "epochs": many, "batch_size": many}}
    told = message(DEFAULT | {"arms": arms})
    assert told.startswith("arms.new: its lists stand for 24,990,001 arms; all arms of a study")
    nested = {"optimiser": {"name": "adam", "learning_rate": [0.1] * 200}, "epochs": many}
    assert "lists stand for 999,800 arms" in message(
        DEFAULT | {"arms": {"new": {"initialisation": "random"} | nested}}
    )


def test_a_list_of_many_seeds_takes_no_time():
    seeds = list(range(50_000))
    assert "a value may be listed once only" in message(changed("seed", [*seeds, 7]))


@pytest.mark.parametrize("character", ["\u202e", "\u202d", "\u2066", "\u2069", "\u202c"])
def test_characters_that_turn_what_follows_are_refused_by_name(character):
    told = message(changed("arms.new.label", f"a{character}b"))
    assert f"U+{ord(character):04X} at place 2, which turns the direction of the words" in told


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_words_pass_unless_a_character_of_theirs_is_named(words):
    import unicodedata

    odd = [
        character
        for character in words
        if unicodedata.category(character) in UNPRINTABLE
        or unicodedata.bidirectional(character) in TURNING
    ]
    if odd:
        with pytest.raises(ValueError, match=rf"U\+{ord(odd[0]):04X} at place"):
            printable_words(words)
    else:
        assert printable_words(words) == words


@pytest.fixture
def photos(tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (9, 9), 50 * number).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def refused(photos) -> str:
    with pytest.raises(UserError) as error:
        look_into(Target(name="folder", folder=photos))
    return error.value.message


@pytest.mark.parametrize("name", [b"a\nb", b"a\xffb", b"a\x1b[31m", "a\u202eb".encode()])
def test_a_class_whose_name_no_report_can_show_is_refused(photos, name):
    (photos / "cats").rename(os.fsdecode(os.fsencode(photos) + b"/" + name))
    told = refused(photos)
    assert "its name has the character U+" in told
    assert "rename the folder" in told


def test_names_of_images_may_be_any_bytes(photos):
    before = look_into(Target(name="folder", folder=photos)).images.digest
    odd = os.fsdecode(os.fsencode(photos / "cats") + b"/\xff {x} $(id).png")
    (photos / "cats" / "0.png").rename(odd)
    assert look_into(Target(name="folder", folder=photos)).images.digest != before


def test_a_pipe_in_the_place_of_an_image_is_not_waited_for(photos):
    os.mkfifo(photos / "cats" / "9.png")
    assert refused(photos) == (
        f"{photos / 'cats' / '9.png'}: is no file; must be an image: replace or remove it."
    )


def test_an_image_of_a_size_that_no_memory_holds_is_told(photos, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)  # less than half of them
    file = photos / "cats" / "0.png"
    assert refused(photos).startswith(f"{file}: cannot be read as an image (Image size (81 pixels)")


def test_whatever_an_image_library_raises_names_the_file(photos, monkeypatch):
    def broken(_: object) -> None:
        raise IndexError("of its tables")

    monkeypatch.setattr(Image, "open", broken)
    with pytest.raises(UserError, match=r"0\.png: cannot be read as an image \(of its tables\)"):
        image_folders._is_grey(photos / "cats" / "0.png")


def test_labels_of_other_alphabets_need_no_turning():
    label = "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628 \U0001f468\u200d\U0001f469 %s"
    assert build_study(changed("arms.new.label", label)).arms["new"].label == label


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "\x1b[31m", "a\ud800", "a\u202eb"])
def test_an_arm_whose_name_no_table_can_hold_is_refused(name):
    told = message(DEFAULT | {"arms": {name: {"initialisation": "random"}}})
    assert "has the character U+" in told


@pytest.mark.parametrize("text", ["on", "no", "null", "~"])
def test_an_arm_that_yaml_does_not_take_for_text_is_refused(text):
    arms = parsed(f"{text}: {{initialisation: random}}")[0]
    assert "must be text: put the name in quotes" in message(DEFAULT | {"arms": arms})
    arms = parsed(f"'{text}': {{initialisation: random}}")[0]
    assert list(build_study(DEFAULT | {"arms": arms}).arms) == [text]


@pytest.mark.parametrize("source", ["../../x", "..", "", "a/b", "-x", "a b", "{x}", "a\n"])
def test_a_name_of_weights_stays_within_its_folder(source):
    [told] = message(changed("weights.own", [source])).splitlines()
    assert told.startswith("weights.own.0: found ")
    assert "must be the name of weights, such as IMAGENET1K_V1, or a mapping" in told


@pytest.mark.parametrize("digest", ["../../../x", "", "0123456789a", "0123456789\n", "ABCDEF0123"])
def test_what_was_found_in_a_folder_of_images_stays_within_its_folder(digest):
    found = {"classes": ["a", "b"], "train": 2, "test": 2, "rarest": 1, "channels": 1}
    with pytest.raises(ValueError, match="digest"):
        Target(name="folder", folder="photos", images=found | {"digest": digest})


@pytest.mark.parametrize("name", ["a\uffffb", "a\u202eb"])
def test_a_folder_of_images_whose_name_no_report_can_show_is_refused(photos, name):
    other = photos.with_name(name)
    photos.rename(other)
    assert "its name has the character U+" in refused(other)
