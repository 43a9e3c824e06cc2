"""The models of the settings, each at the place that it has in a configuration."""

from tlstudy.config.augmentation import TRANSFORMS
from tlstudy.config.fields import Settings
from tlstudy.config.ledger import Claim, Control, Pair, Rung
from tlstudy.config.measurements import measurements
from tlstudy.config.optimisers import SGD, Adam, AdamW, Constant, Cosine, Step
from tlstudy.config.rescaling import Rescaling
from tlstudy.config.settings import Arm, Evaluation, Laboratory, Tuning, WeightsFile
from tlstudy.config.targets import Canvas, FolderImages, Target
from tlstudy.config.training import EarlyStopping, Trained

# In the order of the reference. After a comma: which of the models that may stand there.
MODELS: dict[str, type[Settings]] = {
    "evaluation": Evaluation,
    "arms.<name>": Arm,
    "arms.<name>.optimiser, adam": Adam,
    "arms.<name>.optimiser, adamw": AdamW,
    "arms.<name>.optimiser, sgd": SGD,
    "arms.<name>.target": Target,
    "arms.<name>.target.images": FolderImages,
    "arms.<name>.target.canvas": Canvas,
    "arms.<name>.schedule, constant": Constant,
    "arms.<name>.schedule, cosine": Cosine,
    "arms.<name>.schedule, step": Step,
    "arms.<name>.trained": Trained,
    "arms.<name>.early_stopping": EarlyStopping,
    **{f"arms.<name>.augmentation, {name}": model for name, model in TRANSFORMS.items()},
    "arms.<name>.rescaling": Rescaling,
    "weights.<name>, file": WeightsFile,
    "tuning": Tuning,
    **{name: measurement.settings for name, measurement in measurements().items()},
    "laboratory": Laboratory,
    "ladder": Rung,
    "claims.<name>": Claim,
    "claims.<name>.minus": Pair,
    "claims.<name>.controls": Control,
}
