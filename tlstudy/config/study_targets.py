"""The targets of a study's arms, and what is found in their folders."""

import json
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from tlstudy.config.image_folders import look_into
from tlstudy.config.messages import sentences
from tlstudy.config.settings import Study
from tlstudy.config.targets import Target, TargetSetting
from tlstudy.storage.errors import UserError


def targets(study: Study) -> dict[str, Target]:
    """The targets of a study's arms, by their key."""
    return {arm.target.key: arm.target for arm in study.arms.values()}


def image_sources(study: Study) -> dict[str, Target]:
    """Targets by where their images are in the cache: those of one place stand once."""
    return {str(target.place): target for target in targets(study).values()}


def with_folders(study: Study, origins: Mapping[str, str]) -> Study:
    """The study with what is found in the folders of images that its arms name."""
    seen: dict[str, Target] = {}
    arms, problems = dict(study.arms), []
    for name, arm in study.arms.items():
        if arm.target.folder is None:
            continue
        key = arm.target.model_copy(update={"images": None}).model_dump_json()
        try:
            seen[key] = seen.get(key) or look_into(arm.target)
        except UserError as error:
            problems.append(f"arms.{origins.get(name, name)}.target.folder: {error.message}")
            continue
        arms[name] = arm.model_copy(update={"target": seen[key]})
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return study.model_copy(update={"arms": arms})


def parse_target(text: str) -> Target:
    """A target from the command line: a name, or a JSON mapping that describes a folder.

    Raises:
        UserError: it is wrong.
    """
    try:
        found = json.loads(text) if text.startswith("{") else text
        target = TypeAdapter(TargetSetting).validate_python(found)
    except ValidationError as error:
        raise UserError("\n".join(sentences(error, option="--target"))) from None
    except ValueError as error:
        raise UserError(f"--target: is not JSON ({error}).") from None
    return look_into(target) if target.folder and not target.images else target
