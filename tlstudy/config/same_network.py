"""One network for both starts: a random one is built as pretrained weights need it."""

from tlstudy.config.architectures import BOTTLENECKS, HE2015
from tlstudy.config.settings import Study, WeightsFile, WeightsSource


def with_same_networks(study: Study) -> Study:
    """The study with `built_as` filled in where an arm does not say it.

    Some weights need another network of the same shapes: their bottlenecks stride on another
    convolution. Then a random start takes that network too, so that arms differ in their start
    alone. Of several such weights the first that an arm of the architecture starts from counts.
    """
    names: dict[str, str] = {}
    for arm in study.arms.values():
        sources = study.weights.get(arm.initialisation, ())
        if arm.architecture in BOTTLENECKS and any(map(_may_stride_on_1x1, sources)):
            names.setdefault(arm.architecture, arm.initialisation)
    arms = {
        name: arm.model_copy(update={"built_as": names[arm.architecture]})
        if arm.architecture in names
        and arm.initialisation == "random"
        and "built_as" not in arm.model_fields_set
        else arm
        for name, arm in study.arms.items()
    }
    return study.model_copy(update={"arms": arms})


def _may_stride_on_1x1(source: WeightsSource) -> bool:
    return source.stride_on == "1x1" if isinstance(source, WeightsFile) else source == HE2015
