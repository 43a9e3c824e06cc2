"""The setting that names a network, and the digest of a user's own in its name."""

import hashlib
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from tlstudy.config.architectures import PYTHON, TIMM, TORCHVISION
from tlstudy.config.hints import did_you_mean
from tlstudy.storage.errors import UserError

DIGITS = 10  # of the digest of a user's module
# Of a validation's context: the configuration is the user's own, not that of any results.
BY_USER = {"by_user": True}


def digest_of_module(module: str) -> str:
    """Digest of a module's source, or of all sources of its package if it is in one.

    Raises:
        ValueError: there is no such module.
    """
    package = module.partition(".")[0]
    try:
        whole, own = find_spec(package), find_spec(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise ValueError(_not_imported(module, error)) from None
        whole = own = None
    except Exception as error:  # find_spec runs what a package has in its __init__.py
        raise ValueError(_not_imported(module, error)) from None
    if whole is None or own is None or own.origin is None:
        raise ValueError(f"there is no Python module '{module}' here; install it or set PYTHONPATH")
    total = hashlib.sha256()
    for file in _sources(whole, Path(own.origin)):
        total.update(file.name.encode() + b"\0" + file.read_bytes())
    return total.hexdigest()[:DIGITS]


def _sources(package: Any, module: Path) -> Iterator[Path]:
    folders = package.submodule_search_locations
    if folders is None:
        yield module
    else:
        for folder in folders:
            yield from sorted(Path(folder).rglob("*.py"))


def _checked(value: Any, info: ValidationInfo) -> Any:
    """`_architecture` of the user's own configuration, or of one that was written by a study."""
    # To look for a module may import its package.
    if isinstance(value, dict) and info.context != BY_USER:
        raise ValueError(
            f"found {value}; results must have it as a name, such as python.mynets.small-"
            f"{'0' * DIGITS}"
        )
    return _architecture(value)


def _architecture(value: Any) -> Any:
    """The name under which a network goes everywhere: also in names of files."""
    if isinstance(value, dict):
        return _python_name(value)
    if not isinstance(value, str):
        raise ValueError("must be the name of a network, or {python: 'package.module:function'}")
    if value in TORCHVISION:
        return value
    if value.startswith(("timm/", TIMM)):
        return TIMM + _timm_name(value[len(TIMM) :])
    if re.fullmatch(rf"python\.[\w.]+-[0-9a-f]{{{DIGITS}}}", value):
        return value  # of a study that was built before
    raise ValueError(
        f"{did_you_mean(value, TORCHVISION)}must be a classifier of torchvision, such as resnet50, "
        "mobilenet_v3_small or vit_b_16 (docs/networks.md lists them), timm/<name>, or "
        "{python: 'package.module:function'}"
    )


def _python_name(value: dict) -> str:
    path = value.get("python")
    if set(value) != {"python"} or not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", str(path)):
        raise ValueError(f"found {value}; must be {{python: 'package.module:function'}}, no more")
    module, _, function = path.partition(":")
    try:
        return f"{PYTHON}{module}.{function}-{digest_of_module(module)}"
    except ValueError as error:
        raise ValueError(f"found {value}; {error}") from None


def _not_imported(module: str, error: Exception) -> str:
    return f"the Python module '{module}' cannot be imported ({type(error).__name__}: {error})"


def _timm_name(name: str) -> str:
    if find_spec("timm") is None:
        raise ValueError("timm is not installed: pip install --editable '.[timm]'")
    timm = import_module("timm")
    if "." in name or not timm.is_model(name):
        names = [f"timm/{each}" for each in timm.list_models()]
        hint = did_you_mean(f"timm/{name}", names, least=0.7)
        raise ValueError(f"{hint}must be a network of timm's (without the name of weights)")
    return name


def check_architecture(name: str) -> str:
    """The name of an architecture, as `Architecture` takes it.

    Raises:
        UserError: there is no such network.
    """
    try:
        return _architecture(name)
    except ValueError as error:
        raise UserError(f"--architecture: found '{name}'; {error}.") from None


_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"python": {"type": "string"}},
            "required": ["python"],
            "additionalProperties": False,
        },
    ]
}
Architecture = Annotated[str, BeforeValidator(_checked), WithJsonSchema(_SCHEMA)]
