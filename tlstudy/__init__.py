"""Re-run, audit and report a transfer-learning study from raw images and weights."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlstudy.opened import open_study as open  # noqa: F401  # for type checkers
    from tlstudy.watching.watcher import watch

__version__ = "0.1.0"
__all__ = ["__version__", "watch"]  # `import *` must not hide the built-in `open`


def __dir__() -> list[str]:
    return [*globals(), "open", "watch"]


def __getattr__(name: str) -> object:
    """`tlstudy.open` and `tlstudy.watch`; what they need is imported only when asked for."""
    if name == "open":
        from tlstudy.opened import open_study

        return open_study
    if name == "watch":
        from tlstudy.watching.watcher import watch

        return watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
