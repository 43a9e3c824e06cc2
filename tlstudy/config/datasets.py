"""The named data sets: what is known of each before its images are there."""

from dataclasses import dataclass

DIGITS = tuple("0123456789")
# Labels of classes that turn into each other by right angles, a group each, by data set. A
# constant of its own, as its value counts for what a seed draws: that of other facts does not.
ALIKE_TURNED = {"mnist": ((6, 9),), "digits": ((6, 9),), "svhn": ((6, 9),)}
FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10 = tuple(
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
)
_CIFAR100 = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus "
    "butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch "
    "crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo "
    "keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain "
    "mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain "
    "plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk "
    "skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone "
    "television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)
CIFAR100 = tuple(_CIFAR100.split())
MNIST_FILES = (
    *("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    *("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
)


@dataclass(frozen=True)
class DataSet:
    """Labelled images for training and for testing.

    Attributes:
        title: its name in the report.
        classes: names, by label.
        train, test: sizes of the pools that images are drawn from.
        rarest: training images of the rarest class.
        side: of the square images, pixels.
        channels: 1 (grey) or 3.
        pictures: what the images show, in a few words.
        loader: name of torchvision's class; empty for another source.
        placed: files as their makers give them out, for those who place them by hand.
    """

    title: str
    classes: tuple[str, ...]
    train: int
    test: int
    rarest: int
    side: int
    channels: int
    pictures: str
    loader: str = ""
    placed: tuple[str, ...] = ()


# torchvision's loaders check what they download. `data.torchvision_sets` gives them their options.
NAMED = {
    "mnist": DataSet(
        *("MNIST", DIGITS, 60_000, 10_000, 5421, 28, 1, "handwritten digits"),
        *("MNIST", MNIST_FILES),
    ),
    "digits": DataSet(
        *("scikit-learn\u2019s digits", DIGITS, 1297, 500, 124, 8, 1, "handwritten digits"),
    ),
    "fashion-mnist": DataSet(
        *("Fashion-MNIST", FASHION, 60_000, 10_000, 6000, 28, 1, "pieces of clothing"),
        *("FashionMNIST", MNIST_FILES),
    ),
    "kmnist": DataSet(
        *(
            "KMNIST",
            tuple(["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]),
            60_000,
            10_000,
            6000,
            28,
            1,
        ),
        *("handwritten Japanese characters", "KMNIST", MNIST_FILES),
    ),
    "emnist-letters": DataSet(
        *("EMNIST letters", tuple("abcdefghijklmnopqrstuvwxyz"), 124_800, 20_800, 4800, 28, 1),
        *("handwritten letters", "EMNIST", ("gzip.zip",)),
    ),
    "cifar10": DataSet(
        *("CIFAR-10", CIFAR10, 50_000, 10_000, 5000, 32, 3, "photographs"),
        *("CIFAR10", ("cifar-10-python.tar.gz",)),
    ),
    "cifar100": DataSet(
        *("CIFAR-100", CIFAR100, 50_000, 10_000, 500, 32, 3, "photographs"),
        *("CIFAR100", ("cifar-100-python.tar.gz",)),
    ),
    "svhn": DataSet(
        *("SVHN", DIGITS, 73_257, 26_032, 4659, 32, 3, "photographs of house numbers"),
        *("SVHN", ("train_32x32.mat", "test_32x32.mat")),
    ),
}
