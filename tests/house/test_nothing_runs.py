"""No module of custkit unpickles, evaluates or calls a shell: what it reads back, Parquet and JSON, cannot run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "dbm", "jsonpickle"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
# Whatever it is a method of: pandas, numpy and the like unpickle under these names.
METHODS = {"read_pickle", "to_pickle", "system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"}
YAML = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
UNSAFE_LOADERS = {"Loader", "UnsafeLoader", "FullLoader", "CLoader", "CUnsafeLoader", "CFullLoader"}


def unsafe(source: str) -> list[str]:
    """What in the source could run something that was only read: line and name."""
    found = []
    tree = ast.parse(source)
    safe_loaders = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and _is_safe(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            names += [alias.name for alias in node.names if isinstance(node, ast.ImportFrom)]
            found += [f"{node.lineno} import {name}" for name in names if name.split(".")[0] in MODULES or name in UNSAFE_LOADERS | METHODS]
        elif (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml" and node.attr in UNSAFE_LOADERS
        ):
            found.append(f"{node.lineno} yaml.{node.attr}")
        elif isinstance(node, ast.Call):
            found += [f"{node.lineno} {name}" for name in _unsafe_call(node, safe_loaders)]
    return found


def _is_safe(loader: ast.ClassDef) -> bool:
    return {ast.unparse(base) for base in loader.bases} <= {"yaml.SafeLoader", "yaml.CSafeLoader", "SafeLoader"}


def _unsafe_call(call: ast.Call, safe_loaders: set[str]) -> list[str]:
    name = ast.unparse(call.func)
    owner, _dot, method = name.rpartition(".")
    given = {word.arg: word.value for word in call.keywords}
    found = [name] if (not owner and method in BUILTINS) or method in METHODS else []
    if owner == "yaml" and method in YAML:
        loader = given.get("Loader") or (call.args[1] if len(call.args) > 1 else None)
        if loader is None or ast.unparse(loader) not in safe_loaders | {"yaml.SafeLoader", "yaml.CSafeLoader"}:
            found.append(name)
    if "shell" in given and not (isinstance(given["shell"], ast.Constant) and given["shell"].value is False):
        found.append(f"{name}(shell=…)")
    if "allow_pickle" in given and not (isinstance(given["allow_pickle"], ast.Constant) and given["allow_pickle"].value is False):
        found.append(f"{name}(allow_pickle=…)")
    return found


def test_no_module_runs_what_it_reads():
    found = {path.relative_to(ROOT).as_posix(): unsafe(path.read_text("utf-8")) for path in (ROOT / "custkit").rglob("*.py")}
    assert len(found) > 150
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import joblib.memory", "from sklearn.externals import joblib", "import shelve",
        "pd.read_pickle(path)", "frame.to_pickle(path)", "eval(text)", "exec(code)", "__import__(name)", "os.popen(line)", "import marshal",
        "subprocess.run(line, shell=True)", "subprocess.Popen(line, shell=wanted)", "np.load(path, allow_pickle=True)", "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)", "yaml.unsafe_load(text)", "from yaml import UnsafeLoader", "yaml.load(text, Mine)",
        "class Mine(yaml.Loader): pass", "class Mine(yaml.SafeLoader, Other): pass\nyaml.load(text, Loader=Mine)",
    ],
)  # fmt: skip
def test_what_could_run_is_seen(source):
    assert unsafe(source)


@pytest.mark.parametrize(
    "source",
    [
        "yaml.safe_load(text)",
        "class Ours(yaml.SafeLoader): pass\nyaml.load(text, Loader=Ours)",
        "re.compile(p)",
        "con.execute(q)",
        "tree.evaluate()",
    ],
)
def test_what_cannot_run_is_left_alone(source):
    assert not unsafe(source)
