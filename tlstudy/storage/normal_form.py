"""The code of one module in a form that shows what it computes, and what else it uses for that.

The normal form leaves out docstrings, comments, layout, type hints, imports, log lines, and what
errors and warnings say. It is the same in every version of Python.
"""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

Key = tuple[str, str]  # a module of the package, and a name in it
# Instead of a name: the module itself, and its statements that bind no name.
ALL, EFFECTS = "*", ""

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Fields of a syntax tree in which names are bound.
BINDING = (
    *("targets", "target", "optional_vars", "elts"),
    *("items", "body", "orelse", "finalbody", "handlers", "cases"),
)


@dataclass(frozen=True)
class Definition:
    """What a name of a module stands for.

    Attributes:
        kind: constant, function or class.
        text: the normal form.
        uses: names of the package's modules; with an attribute, such as `Stream.BODY`, if one is
            taken of them.
        libraries: modules outside the package.
    """

    kind: str
    text: str
    uses: tuple[Key, ...]
    libraries: frozenset[str]

    @cached_property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()


class Module:
    """A module's names.

    Args:
        package: the one that it lies in, or is.

    Attributes:
        imports: what names are imported from, such as "torch.nn".
        statements: those that bind a name, by name.
    """

    def __init__(self, name: str, source: str, package: str):
        self.name = name
        self.imports: dict[str, str] = {}
        self.statements: dict[str, list[ast.stmt]] = {}
        tree = ast.parse(source)
        if "from ." in source:
            _make_absolute(tree, package)
        for statement in tree.body:
            self._add(statement)

    def _add(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.If | ast.Try):
            for node in ast.walk(statement):
                self.imports |= _imports(node)
            if all(map(_says_nothing, statement.body)):  # imports for type hints
                return
        if _says_nothing(statement):
            self.imports |= _imports(statement)
            return
        for name in _names_bound_by(statement) or {EFFECTS}:
            self.statements.setdefault(name, []).append(statement)
        if _is_enumeration(statement):
            # A new member is no reason to compute again what uses the others.
            for member in (each for each in statement.body if isinstance(each, ast.Assign)):
                self.statements[f"{statement.name}.{_root(member.targets[0])}"] = [member]


def _make_absolute(tree: ast.Module, package: str) -> None:
    """Imports from `.module` become imports from `package.module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = package.split(".")[: 1 - node.level or None]
            node.module = ".".join([*parts, *([node.module] if node.module else [])])
            node.level = 0


def _imports(node: ast.AST) -> dict[str, str]:
    """The names that an import binds, with what they stand for."""
    if isinstance(node, ast.ImportFrom):
        return {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    if isinstance(node, ast.Import):
        whole = [(each.asname, each.name, each.name.partition(".")[0]) for each in node.names]
        return {alias or root: name if alias else root for alias, name, root in whole}
    return {}


def _names_bound_by(statement: ast.stmt) -> set[str]:
    """Names of a module that a statement at its top binds or changes: `NAMES["key"] = 1` too."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    changed = {_root(target) for target in targets} - {None}
    bound = _bindings([statement])
    return changed | {name for name, imported in bound.items() if imported is None}


def _root(node: ast.expr) -> str | None:
    """The name at the beginning of `name.attribute["key"]`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_enumeration(statement: ast.stmt) -> bool:
    bases = statement.bases if isinstance(statement, ast.ClassDef) else []
    return any((_root(base) or "").endswith("Enum") for base in bases)


def _bindings(nodes: Iterable[ast.AST]) -> dict[str, str | None]:
    """Names bound in a scope: to what is imported there, else None. Inner scopes are left out."""
    bound: dict[str, str | None] = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            bound.setdefault(node.id, None)
        elif isinstance(node, DEFINITIONS):
            bound.setdefault(node.name, None)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= _imports(node)
        elif isinstance(node, ast.Starred):
            waiting.append(node.value)
        else:
            if isinstance(node, ast.ExceptHandler) and node.name:
                bound.setdefault(node.name, None)
            for field in BINDING:
                inner = getattr(node, field, None)
                if inner:
                    waiting.extend(inner if isinstance(inner, list) else [inner])
    return bound


def _says_nothing(statement: ast.AST) -> bool:
    """Whether a statement computes nothing: text, import, log line, warning, bare type hint."""
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    if isinstance(statement, ast.AnnAssign):
        return statement.value is None
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)):
        return isinstance(value, ast.Constant)
    root = _root(value.func)
    return root in ("log", "logging") or (root, value.func.attr) == ("warnings", "warn")


class NormalForm:
    """Writes the definitions of a module as text, and collects what they use.

    Args:
        split: takes a dotted name apart into a key of the package and attributes; None for a name
            of another library.
    """

    def __init__(self, module: Module, split: Callable[[str], tuple[Key, list[str]] | None]):
        self._module, self._split = module, split
        self._scopes: list[dict[str, str | None]] = []
        self._uses: dict[Key, None] = {}
        self._libraries: set[str] = set()
        self._writers = {
            ast.Constant: lambda node: repr(node.value),
            ast.Name: lambda node: self._dotted(node.id, []),
            ast.Attribute: self._attribute,
            ast.Raise: self._raise,
            ast.Assert: lambda node: f"Assert({self._text(node.test)})",
            ast.AnnAssign: self._annotated,
            ast.ClassDef: self._class,
            ast.Lambda: lambda node: f"Lambda{self._function_text(node, [node.body])}",
            **dict.fromkeys(FUNCTIONS, self._function),
            **dict.fromkeys(COMPREHENSIONS, self._comprehension),
        }

    def definition(self, name: str) -> Definition:
        """What the name stands for."""
        statements = self._module.statements[name]
        self._uses, self._libraries = {}, set()
        kind = "class" if isinstance(statements[0], ast.ClassDef) else "constant"
        return Definition(
            kind="function" if isinstance(statements[0], FUNCTIONS) else kind,
            text=self._text(statements),
            uses=tuple(self._uses),
            libraries=frozenset(self._libraries),
        )

    def _text(self, node: object) -> str:
        if isinstance(node, list):
            return f"[{','.join([self._text(each) for each in node if not _says_nothing(each)])}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        writer = self._writers.get(type(node))
        return writer(node) if writer else self._fields(node)

    def _fields(self, node: ast.AST, without: tuple[str, ...] = ()) -> str:
        """Fields that are not empty, as each version of Python has other empty ones."""
        texts = []
        for name in node._fields:
            value = getattr(node, name, None)
            if value is None or value == [] or name == "ctx" or name in without:
                continue
            text = self._text(value)
            if text != "[]":
                texts.append(f"{name}={text}")
        return f"{type(node).__name__}({','.join(texts)})"

    def _attribute(self, node: ast.Attribute) -> str:
        names, value = [node.attr], node.value
        while isinstance(value, ast.Attribute):
            names.insert(0, value.attr)
            value = value.value
        if isinstance(value, ast.Name):
            return self._dotted(value.id, names)
        return ".".join((self._text(value), *names))

    def _dotted(self, name: str, attributes: list[str]) -> str:
        """A name with attributes, after taking note of what it stands for.

        `module.name` becomes `name`, so that modules can be renamed; `np.sum` `numpy.sum`.
        """
        as_it_is = ".".join((name, *attributes))
        imported = self._imported(name)
        if imported is None:
            return as_it_is
        whole = ".".join((imported, *attributes))
        found = self._split(whole)
        if found is None:
            self._libraries.add(whole.partition(".")[0])
            return whole
        (module, name), rest = found
        self._uses[module, ".".join((name, *rest[:1]))] = None
        return ".".join((name, *rest))

    def _imported(self, name: str) -> str | None:
        """The dotted name that a name stands for; None for a variable or one of Python's own."""
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        if name in self._module.statements:
            return f"{self._module.name}.{name}"
        return self._module.imports.get(name)

    def _raise(self, node: ast.Raise) -> str:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return f"Raise({self._text(raised)})"

    def _annotated(self, node: ast.AnnAssign) -> str:
        return f"Assign(targets=[{self._text(node.target)}],value={self._text(node.value)})"

    def _class(self, node: ast.ClassDef) -> str:
        """With the names of the fields of a data class, whose type hints make them fields."""
        body = [
            f"field {self._text(each.target)}={each.value and self._text(each.value)}"
            if isinstance(each, ast.AnnAssign)
            else self._text(each)
            for each in node.body
            if isinstance(each, ast.AnnAssign) or not _says_nothing(each)
        ]
        return f"{self._fields(node, without=('body', 'type_params'))}[{','.join(body)}]"

    def _function(self, node: ast.FunctionDef) -> str:
        outside = self._fields(node, without=("args", "body", "returns", "type_params"))
        return outside + self._function_text(node, node.body)

    def _function_text(self, node: ast.FunctionDef | ast.Lambda, body: list[ast.AST]) -> str:
        """Parameters and body, in which parameters and variables hide names of the module."""
        given = node.args
        defaults = self._text([*given.defaults, *given.kw_defaults])
        kinds = (given.posonlyargs, given.args, [given.vararg], given.kwonlyargs, [given.kwarg])
        names = [[each and each.arg for each in kind] for kind in kinds]
        scope = dict.fromkeys(each for kind in names for each in kind)
        if not isinstance(node, ast.Lambda):  # whose body binds nothing
            scope |= _bindings(body)
        return f"({names},{defaults}){self._in_scope(scope, lambda: self._text(body))}"

    def _comprehension(self, node: ast.expr) -> str:
        targets = _bindings(each.target for each in node.generators)
        return self._in_scope(targets, lambda: self._fields(node))

    def _in_scope(self, scope: dict[str, str | None], write: Callable[[], str]) -> str:
        self._scopes.append(scope)
        text = write()
        self._scopes.pop()
        return text
