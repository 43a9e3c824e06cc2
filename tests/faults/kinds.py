"""All kinds of faults, in the order in which they are told."""

from faults import configurations, damage, disks, kills, mirrors, twice, weights_files
from faults.case import Case

KINDS: dict[str, list[Case]] = {
    "configuration": configurations.CASES,
    "weights file": weights_files.CASES,
    "mirror": mirrors.CASES,
    "damage": damage.CASES,
    "kill": kills.CASES,
    "disk": disks.CASES,
    "two at once": twice.CASES,
}
