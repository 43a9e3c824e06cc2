"""What changes the digest of a step's code, and what does not."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from tlstudy.config.measurements import measurements
from tlstudy.config.settings import LABORATORY_EXPERIMENTS
from tlstudy.jobs import graph
from tlstudy.storage import code_digest as digests

STEPS = [step for step in (*graph.FUNCTIONS, *measurements()) if step != "laboratory"]
RUNS = {"train", *measurements()}  # what trains and what looks at networks
LOOKS = {"train", "encoder", "invariance", "features"}  # they evaluate networks
TOLD = {"claims", "figures", "report"}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    """The digests of the code as it is."""
    return all_digests()


@pytest.fixture
def package(before, monkeypatch, tmp_path) -> Path:
    """A copy of the package that a test may edit."""
    copy = tmp_path / "tlstudy"
    shutil.copytree(digests.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digests, "PACKAGE", copy)
    yield copy
    digests._package.cache_clear()


def all_digests() -> dict[str, str]:
    """Of every step, of every experiment of the laboratory, and of getting weights."""
    digests._package.cache_clear()
    return {
        **{step: graph.code_of(step) for step in STEPS},
        **{name: graph.code_of("laboratory", name) for name in LABORATORY_EXPERIMENTS},
        "weights": digests.code_digest(["tlstudy.networks.weights:cache_weights"]),
    }


def changed(before: dict[str, str]) -> set[str]:
    return {step for step, digest in all_digests().items() if digest != before[step]}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file}: {old}"
    file.write_text(text.replace(old, new, 1))


class Reworded(ast.NodeTransformer):
    """The same code with other docstrings, type hints, log lines and messages of errors."""

    def visit_FunctionDef(self, node):
        node.returns = ast.Constant("Other")
        return self.generic_visit(node)

    def visit_Lambda(self, node):
        return node  # whose arguments cannot have hints

    def visit_arg(self, node):
        node.annotation = ast.Constant("Other")
        return node

    def visit_AnnAssign(self, node):
        self.generic_visit(node)
        node.annotation = ast.Constant("Other")
        return node

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            return ast.Expr(ast.Constant("Other words."))
        if re.match(r"log(ging)?\.", ast.unparse(node)):
            return ast.parse('log.warning("other words: %s", math.inf)').body[0]
        return self.generic_visit(node)

    def visit_Raise(self, node):
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords, node.cause = [ast.Constant("other words")], [], None
        return node


def test_words_type_hints_comments_and_layout_change_no_digest(before, package):
    for file in package.rglob("*.py"):
        tree = ast.fix_missing_locations(Reworded().visit(ast.parse(file.read_text())))
        file.write_text(f"# A comment.\n\n{ast.unparse(tree)}\n")
    assert changed(before) == set()


def test_a_new_version_changes_no_digest(before, package):
    edit(package / "__init__.py", "__version__ = ", "__version__ = '99' + ")
    assert changed(before) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("networks.trainer", "networks.coach"),
        ("networks.fused", "networks.fast.fused"),
        ("theory.diagonal_experiment", "theory.nets.diagonal_experiment"),
        ("audit.statistics", "theory.intervals"),
        ("report.figures.points", "report.dots"),
        ("config.settings", "config.models"),
    ],
)
def test_a_moved_and_renamed_module_changes_no_digest(before, package, monkeypatch, old, new):
    move(package, f"tlstudy.{old}", f"tlstudy.{new}")
    if old.endswith("_experiment"):
        found = graph._entry_points
        monkeypatch.setattr(
            graph, "_entry_points", lambda *of: [name.replace(old, new) for name in found(*of)]
        )
    assert changed(before) == set()


def move(package: Path, old: str, new: str) -> None:
    """Move a module and name its new place in all imports."""

    def file(name: str) -> Path:
        return package.joinpath(*name.split(".")[1:]).with_suffix(".py")

    file(new).parent.mkdir(exist_ok=True)
    (file(new).parent / "__init__.py").touch()
    file(old).rename(file(new))
    (folder, name), (new_folder, new_name) = old.rsplit(".", 1), new.rsplit(".", 1)
    for module in package.rglob("*.py"):
        text = re.sub(rf"{re.escape(old)}\b(?=[ .])", new, module.read_text())
        # from folder import name, other
        found = re.search(rf"^( *)from {re.escape(folder)} import .*\b{name}\b.*$", text, re.M)
        if found and (new_folder, new_name) != (folder, name):
            line = found[0]
            others = re.sub(rf"\b{name}\b(, )?", "", line).rstrip(", ")
            kept = [] if others.endswith("import") else [others]
            moved = f"{found[1]}from {new_folder} import {new_name}"
            text = text.replace(line, "\n".join([*kept, moved]))
            text = re.sub(rf"\b{name}\.(?=[A-Za-z])", f"{new_name}.", text)
        module.write_text(text)


# The steps that use what is edited, directly or not.
EDITS = [
    ("networks/images.py", "-(-len(order)", "(len(order)", RUNS),
    ("networks/trainer.py", "self.order.permutation(", "self.order.choice(", {"train", "encoder"}),
    ("networks/evaluation.py", '"cpu": 64', '"cpu": 32', LOOKS),
    ("config/fields.py", "0.485", "0.486", {*RUNS, "weights", "aggregate", "report"}),
    ("networks/trajectory.py", "1e-12", "1e-11", {"train"}),
    ("networks/he2015.py", "123.68", "123.69", {"weights"}),
    ("measures/hessian.py", "TOLERANCE = 0.01", "TOLERANCE = 0.02", {"curvature", "report"}),
    ("measures/filters.py", "HELD = 0.5", "HELD = 0.6", {"reuse"}),
    ("data/subset.py", "(within_round, rank)", "(rank, within_round)", {*RUNS, "subset"}),
    ("storage/randomness.py", ">> 1", ">> 2", {*RUNS, *TOLD, "subset"}),
    ("storage/randomness.py", "LANDSCAPE = 4", "LANDSCAPE = 14", {"landscape", "curvature"}),
    ("theory/relu_networks.py", "inner + rate * to_inner", "inner - rate * to_inner", {"relu"}),
    ("theory/diagonal_experiment.py", "DIMENSIONS = 100", "DIMENSIONS = 99", {"diagonal"}),
    ("theory/batchnorm_networks.py", '"sgd": 0.1', '"sgd": 0.2', {"batchnorm"}),
    ("theory/formulas.py", "GRID = 1200", "GRID = 1300", {"formulas"}),
    ("theory/penalty.py", "(a / 2, 0)", "(a / 2, 1)", {"relu", "figures"}),  # it is drawn
    ("audit/claims.py", "if values.empty", "if not values.empty", {"claims"}),
    ("audit/statistics.py", "CONFIDENCE = 0.95", "CONFIDENCE = 0.9", TOLD),
    # The report judges the slides' series by the same sentinels.
    ("watching/finding.py", "{100 * share", "{101 * share", {"aggregate", "report"}),
    ("audit/sentinels/weights.py", "STRONG = ", "STRONG = 2 * ", {"aggregate", "report"}),
    ("steps/aggregate.py", "np.nansum", "np.sum", {"aggregate"}),
    ("report/figures/curves.py", '"gradient norm"', '"norm of the gradient"', {"figures"}),
    ("report/page/templates/style.css", "{", " {", {"report"}),
    ("data/published/loss_evolution.csv", "1", "2", {"figures", "report"}),
    ("config/fields.py", "MINIMUM_SEEDS = 5", "MINIMUM_SEEDS = 6", TOLD),
    # In packages of which not everything counts: what is held out, right, stated and claimed.
    ("config/training.py", "round(stopping.share", "int(stopping.share", RUNS),
    ("jobs/run_results.py", "answers.to_numpy() == ", "answers.to_numpy() != ", {"aggregate"}),
    ("jobs/claims_seen.py", "return AFTER", "return BEFORE", {"claims"}),
    ("config/ledger.py", "claim.effect - claim", "claim.effect + claim", {"claims"}),
    ("config/datasets.py", '"mnist": ((6, 9),)', '"mnist": ()', {"train", "encoder", *TOLD}),
    # What changes no result of these steps, or is in their settings.
    ("config/optimisers.py", "Field(0.001", "Field(0.002", set()),
    ("storage/randomness.py", "FOLDS = 6", "FOLDS = 6\n    LATER = 7", set()),
    ("storage/files.py", "def atomic_path", "def other_path", set()),
    ("config/measurements.py", "MODULES = (", 'MODULES = ("tlstudy.measures.new",', set()),
    ("data/download.py", "TIMEOUT_SECONDS = 30", "TIMEOUT_SECONDS = 31", set()),
    ("cli/__init__.py", '"""', 'OTHER = 1\n"""', set()),
]


@pytest.mark.parametrize(("file", "old", "new", "steps"), EDITS)
def test_a_change_changes_the_digests_of_the_steps_that_depend_on_it(
    before, package, file, old, new, steps
):
    edit(package / file, old, new)
    assert changed(before) == steps


def test_files_that_no_code_reads_change_no_digest(before, package):
    for folder in ("data/published", "report/page/templates", "networks"):
        for name in (".DS_Store", "._best.csv", "style.css~", "#notes#", ".best.csv.swp"):
            (package / folder / name).write_text("left behind")
    edit(package / "data" / "published" / "README.md", "\n", "\n\n")
    assert changed(before) == set()


FOLLOWED = """
import tlstudy.networks.far
import tlstudy.networks.far as away
from tlstudy.networks import far, near as close
from tlstudy.networks.far import Base, constant as renamed, decorate, reached
TABLE = {"key": (reached,)}
class Class(Base):
    pass
@decorate
def decorated(): ...
def default(value=renamed): ...
def of_table(): return TABLE["key"][0]()
def of_module(): return far.reached()
def of_alias(): return away.reached()
def of_whole_name(): return tlstudy.networks.far.reached()
def of_package(): return close.reached()
def local():
    from tlstudy.networks.far import reached as own
    return own()
def nested():
    def inner(): return [reached() for _ in ()]
    return lambda: inner
def handed_on(): return sorted((), key=reached)
def of_lambda(): return lambda: reached if renamed else renamed
def module_itself(): return [far]
def hidden(reached): return reached
def hint(value: Base) -> Base: ...
def shown():
    \"\"\"reached\"\"\"
    log.info("%s", reached())
    raise ValueError(reached())
"""
FAR = """
CONSTANT = 1
CONSTANT += 1
def constant(): return CONSTANT
def reached(): return 2
def decorate(function): return function
class Base: ...
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Class", {"Base"}),
        ("decorated", {"decorate"}),
        ("default", {"constant", "CONSTANT"}),
        *((name, {"reached"}) for name in ("of_table", "of_module", "of_alias", "of_whole_name")),
        *((name, {"reached"}) for name in ("of_package", "local", "nested", "handed_on")),
        ("of_lambda", {"reached", "constant", "CONSTANT"}),
        ("module_itself", {"CONSTANT", "constant", "reached", "decorate", "Base"}),
        ("hidden", set()),
        ("hint", set()),
        ("shown", set()),
    ],
)
def test_every_way_of_using_a_name_is_followed(monkeypatch, tmp_path, name, found):
    package = tmp_path / "tlstudy"
    (package / "networks" / "near").mkdir(parents=True)
    for folder in (package, package / "networks"):
        (folder / "__init__.py").touch()
    handed_on = "from tlstudy.networks.far import reached\n"
    (package / "networks" / "near" / "__init__.py").write_text(handed_on)
    (package / "networks" / "far.py").write_text(FAR)
    (package / "networks" / "code.py").write_text(FOLLOWED)
    monkeypatch.setattr(digests, "PACKAGE", package)
    reached = digests.definitions([f"tlstudy.networks.code:{name}"])
    assert {key.partition(":")[2] for key in reached if ".far:" in key} == found


def test_a_measurement_of_another_package_counts_with_what_it_uses(monkeypatch, tmp_path):
    (tmp_path / "sizes_of_weights").mkdir()
    (tmp_path / "sizes_of_weights" / "__init__.py").write_text(
        "from .power import raised\n"
        "from tlstudy.measures.filters import HELD\n"
        "def measure(): return raised(HELD)\n"
    )
    power = tmp_path / "sizes_of_weights" / "power.py"
    power.write_text("def raised(value): return value**2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = ["sizes_of_weights:measure"]
    digests._package.cache_clear()
    assert "tlstudy.measures.filters:HELD" in digests.definitions(entry)
    before = digests.code_digest(entry)
    for text, same in (("value**2  # squared", True), ("value**3", False)):
        power.write_text(f"def raised(value): return {text}\n")
        digests._package.cache_clear()
        assert (digests.code_digest(entry) == before) is same


def test_modules_named_one_by_one_are_there():
    for name in (*digests.ALSO_COUNTED, *digests.NOT_COUNTED):
        assert digests.definitions([name]) or name in digests.NOT_COUNTED


def test_libraries_that_compute_a_step_are_named_with_their_versions(monkeypatch):
    monkeypatch.setattr(digests, "version", lambda package: "2.15.0+cpu")
    named = {step: set(graph.libraries_of(step)) for step in STEPS}
    assert named["train"] == {"torch", "torchvision", "numpy", "scikit-learn", "pillow"}
    assert named["subset"] == {"numpy"}
    assert named["aggregate"] == named["claims"] == {"numpy", "scipy", "pandas"}
    assert named["figures"] == {"numpy", "scipy", "pandas", "matplotlib"}
    assert graph.libraries_of("subset") == {"numpy": "2.15.0"}
    assert set(graph.libraries_of("laboratory", "relu")) == {"torch", "numpy", "scipy"}


IN_LOG_LINES = ("tlstudy.networks.device:device_name",)


def test_what_a_step_executes_is_what_counts_for_it(small_results):
    assert set(small_results.executed) > RUNS | TOLD
    unknown = {}
    for step, names in small_results.executed.items():
        with_report = step in graph.WITH_REPORT
        counts = digests.definitions(graph._entry_points(step), with_report)
        areas = (*digests.COUNTED, "report") if with_report else digests.COUNTED
        of_science = {
            name
            for name in names
            if (name.split(".")[1] in areas or name.startswith(digests.ALSO_COUNTED))
            and not name.startswith((*digests.NOT_COUNTED, *IN_LOG_LINES))
        }
        assert len(of_science) > 3
        unknown[step] = of_science - counts
    assert not any(unknown.values()), unknown
