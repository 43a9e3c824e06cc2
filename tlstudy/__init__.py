"""Re-run, audit and report a transfer-learning study from raw images and weights."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`tlstudy.watch`, which imports torch only when it is asked for."""
    if name == "watch":
        from tlstudy.watching.watcher import watch

        return watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
