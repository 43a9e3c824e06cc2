"""What a column's name says: the part of the data, the quantity, and what else is in it.

The words are data; a name is stripped, split into words and compared with them.
"""

import re
from dataclasses import dataclass


def _words(text: str) -> set[str]:
    return set(text.split())


# Words of a name, and what they stand for. Words of several words are joined by a blank.
PARTS = {
    "train": "train training trn tr trainings",
    "validation": "val valid validation eval evaluation dev holdout va vl dv validierung "
    "validierungs",
    "test": "test testing te ts",
}
# The first that fits counts: an error of the best class before the accuracy of the best class.
QUANTITIES = {
    "gradient_norm": ("grad norm", "gradient norm", "gradients norm", "gradnorm", "gnorm"),
    "learning_rate": ("learning rate", "lr", "learningrate", "lernrate"),
    "balanced_accuracy": ("balanced accuracy", "balanced acc", "bal acc", "bacc", "balacc"),
    "error_rate": (
        *("error rate", "top1 err", "top1 error", "err1", "error1", "err", "error"),
        "fehlerrate",
    ),
    "accuracy": (
        *("accuracy", "acc", "accuracies", "top1", "acc1", "accuracy1", "prec1", "accs"),
        *("genauigkeit", "trefferquote"),
    ),
    "loss": (
        *("loss", "losses", "loss1", "crossentropy", "nll", "cost", "logloss", "log loss"),
        "verlust",
    ),
}
PLAIN_ERRORS = {"err", "error"}  # 1 less the accuracy if nothing else is in the name
AXES = {
    "epoch": "epoch epochs ep epoche epochen",
    "step": "step steps iter iters iteration iterations it batch updates timesteps round schritt "
    "schritte",
}
EPOCHS_OF_OTHERS = {frozenset(("training", "iteration")): "epoch"}  # Ray Tune
# Words that change nothing.
FILLERS = _words("metric metrics mean avg average total overall global running scalar scalars")
FILLERS |= _words("b categorical sparse binary multiclass ce xent score")
FILLERS |= _words("history log logs performance 2 0 cls class classification")
COSTLY = {"cls", "class", "classification"}  # a part of a loss, but the part that counts
AXIS_FILLERS = _words(
    "trainer global current total num number n idx index no count micro opt server"
)
AXIS_FILLERS |= _words("train training")
# With one of these a name is of something else.
OTHERS = _words("best min max std stdev var scale scaler weight ratio delta time seconds")
OTHERS |= _words("sec ms runtime speed memory per samples size f1 auc auroc roc map ap iou io")
OTHERS |= _words("dice recall precision perplexity ppl bleu rouge top5 acc5 prec5 patience")
OTHERS |= _words("squared absolute percentage relative quadratic reported")
# Losses that are to rise and fall by turns, or not to fall.
OTHERS |= _words("gen generator disc discriminator critic actor policy value entropy kl kld td")
OTHERS |= _words("adv g d q")
RANKED = re.compile(r"(top|acc|accuracy|prec|precision|err|error|hit|hits)([2-9]|\d\d+)")
# What other columns tell about the task.
TASKS = {
    "reinforcement learning": "reward rewards rew rollout episode episodes",
    "adversarial": "generator discriminator disc critic",
    "regression": "rmse mse mae r2 mape spearman pearson spearmanr pearsonr",
}
GRANULARITIES = {"epoch": 0, "step": 2, "batch": 2, "iter": 2}

PART_OF_WORD = {word: part for part, words in PARTS.items() for word in words.split()}
SPLIT_COLUMN = _words("split phase mode stage set subset part partition dataset")
METRIC_COLUMN = _words("metric name key tag variable quantity measure")
RUN_COLUMNS = ("run id", "run name", "trial id", "trial", "experiment", "experiment id")
RUN_COLUMNS += ("experiment name", "run", "fold", "model", "model name", "name", "seed")


@dataclass(frozen=True)
class Name:
    """A column's name as it is understood.

    Attributes:
        part: train, validation or test; None if it does not say.
        quantity: of `QUANTITIES` or `AXES`; None if it is another.
        granularity: 0 for a value of an epoch, 1 if it does not say, 2 for a value of a step.
        extra: words that are not understood, such as the part of a sum that a loss is.
    """

    part: str | None
    quantity: str | None
    granularity: int = 1
    extra: frozenset[str] = frozenset()

    @property
    def cost(self) -> float:
        """How much of the name is not understood."""
        return sum(0.5 if word in COSTLY else 1 for word in self.extra)


def words_of(name: str) -> list[str]:
    """Words in small letters: `TrainLoss`, `train/loss` and `trainloss` are the same."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    text = " ".join(re.findall(r"[a-z]+\d*|\d+", text.lower()))
    text = re.sub(r"\b(top|acc|accuracy|prec|precision|err|error|loss) (\d+)\b", r"\1\2", text)
    text = text.replace("cross entropy", "crossentropy")
    return [part for word in text.split() for part in _parted(word)]


def _parted(word: str) -> list[str]:
    """`valloss` as `val loss`."""
    known = {each for texts in QUANTITIES.values() for each in texts}
    for part in sorted(PART_OF_WORD, key=len, reverse=True):
        if word.startswith(part) and word[len(part) :] in known:
            return [part, word[len(part) :]]
    return [word]


def part_of(name: str) -> str | None:
    """train, validation or test, by the first word that says it."""
    words = words_of(name)
    return next((PART_OF_WORD[word] for word in words if word in PART_OF_WORD), None)


def understood(name: str) -> Name:
    """What a column's name says."""
    words = words_of(name)
    axis = _axis(words) or _axis(words_of(name.rpartition("/")[2]))  # time/total_timesteps
    if axis:
        return Name(None, axis)
    part = part_of(name)
    if set(words) & OTHERS or any(RANKED.fullmatch(word) for word in words):
        return Name(part, None)
    for quantity, synonyms in QUANTITIES.items():
        of_it = [text.split() for text in synonyms if set(text.split()) <= set(words)]
        if of_it:
            rest = set(words) - {word for text in of_it for word in text} - set(PART_OF_WORD)
            granularity = min(
                (GRANULARITIES[word] for word in rest & set(GRANULARITIES)), default=1
            )
            extra = rest - set(GRANULARITIES) - (FILLERS - COSTLY)
            if quantity == "error_rate" and extra and set(words) & PLAIN_ERRORS:
                continue  # of something else, such as a squared error
            if quantity == "gradient_norm":
                extra -= {"2", "norm"}
            return Name(part, quantity, granularity, frozenset(extra))
    return Name(part, None)


def _axis(words: list[str]) -> str | None:
    if frozenset(words) in EPOCHS_OF_OTHERS:
        return EPOCHS_OF_OTHERS[frozenset(words)]
    rest = [word for word in words if word not in AXIS_FILLERS]
    return next(
        (axis for axis, names in AXES.items() if len(rest) == 1 and rest[0] in names.split()), None
    )


def is_run(name: str) -> bool:
    """Whether a column of this name may tell runs apart."""
    return " ".join(words_of(name)) in RUN_COLUMNS


def task_of(names: list[str]) -> str | None:
    """Reinforcement learning, adversarial or regression, where a column's name tells."""
    words = {word for name in names for word in words_of(name)}
    return next((task for task, signs in TASKS.items() if words & set(signs.split())), None)
