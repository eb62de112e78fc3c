"""The package's shape: imports point downward, names say what a module is about, importing it is free."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import meshrec

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "meshrec"

# From the ground up, see design.md. The first part of a module's name below meshrec decides its level.
LEVELS = (
    ("__init__", "errors"),
    ("checks", "optional", "assets", "array_pickle", "checkpoint", "command_line"),
    ("geometry",),
    ("structures",),
    ("body", "uv", "render"),
    ("models", "iuv", "losses", "metrics"),
    ("data", "fitting", "vis"),
    ("engine", "pipeline", "export"),
    ("config", "surface", "build", "build_detector", "build_hmr"),
    ("training", "load", "demo_job", "fit_job", "mesh_job", "evaluation"),
    ("ablation",),
)
LEVEL_OF = {name: level for level, names in enumerate(LEVELS) for name in names}
SHAPELESS_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "tools", "stuff"}
# Installed with the package; anything else is optional and belongs behind meshrec.optional.require.
ALWAYS_INSTALLED = {
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "PIL",
    "cv2",
    "trimesh",
    "omegaconf",
    "safetensors",
    "tqdm",
}
IMPORT_BUDGET_S = 0.3


def module_name(path: Path, package: Path = PACKAGE) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    return {module_name(path, package): path for path in sorted(package.rglob("*.py"))}


def imported_names(tree: ast.AST) -> set[str]:
    """Dotted names that a syntax tree imports, `a.b.c` for `from a.b import c`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "the package imports by full names"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def import_graph(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Modules of the package that each of its modules names in an import, anywhere in the file."""
    found = modules(package)
    graph = {}
    for name, path in found.items():
        own = {other for other in imported_names(ast.parse(path.read_text())) if other.split(".")[0] == package.name}
        # What is imported from a module may be a module itself or something inside it.
        graph[name] = {other if other in found else other.rpartition(".")[0] for other in own} - {name}
    return graph


def level(module: str) -> int:
    part = (module.split(".") + ["__init__"])[1]
    assert part in LEVEL_OF, f"meshrec/{part} has no level: add it to LEVELS here and to the design"
    return LEVEL_OF[part]


def upward_edges(graph: dict[str, set[str]]) -> list[str]:
    return [f"{a} imports {b}" for a, others in graph.items() for b in sorted(others) if level(b) > level(a)]


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """Some cycle as a list of modules, or nothing."""
    finished: set[str] = set()

    def visit(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return trail[trail.index(module) :]
        if module in finished:
            return []
        for other in sorted(graph.get(module, ())):
            if cycle := visit(other, [*trail, module]):
                return cycle
        finished.add(module)
        return []

    return next((cycle for module in sorted(graph) if (cycle := visit(module, []))), [])


def run_python(code: str) -> str:
    """What a fresh interpreter prints for a piece of code, started in the repository's root."""
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout + finished.stderr


def write_package(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "meshrec" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "meshrec"


def test_imports_point_downward():
    assert upward_edges(import_graph()) == []


def test_no_modules_import_each_other_in_a_circle():
    assert find_cycle(import_graph()) == []


def test_upward_edges_are_found_however_they_are_written(tmp_path):
    package = write_package(
        tmp_path,
        {
            "geometry/meshes.py": "from meshrec import errors\nimport meshrec.checks\n",
            "geometry/crops.py": "def crop():\n    from meshrec.render import rasterize\n",
            "geometry/rotations.py": "import meshrec.data.photo\n",
            "data/photo.py": "",
            "checks.py": "",
            "errors.py": "",
            "render/__init__.py": "rasterize = 1\n",
        },
    )
    assert upward_edges(import_graph(package)) == [
        "meshrec.geometry.crops imports meshrec.render",
        "meshrec.geometry.rotations imports meshrec.data.photo",
    ]


def test_circles_are_found(tmp_path):
    files = {"uv/a.py": "from meshrec.body import b\n", "body/b.py": "import meshrec.body.c\n"}
    package = write_package(tmp_path, {**files, "body/c.py": "from meshrec.uv.a import x\n"})
    assert set(find_cycle(import_graph(package))) == {"meshrec.uv.a", "meshrec.body.b", "meshrec.body.c"}
    package = write_package(tmp_path, {"body/c.py": ""})
    assert find_cycle(import_graph(package)) == []


def test_module_names_say_what_they_are_about():
    shapeless = [name for name in modules() if set(name.split(".")) & SHAPELESS_NAMES]
    assert shapeless == []


def test_optional_packages_are_not_imported_at_the_top_of_a_module():
    found = []
    for name, path in modules().items():
        if makes_assets(name):
            continue
        top = ast.Module([node for node in ast.parse(path.read_text()).body if not is_for_types_only(node)], [])
        statements = [node for node in top.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        packages = {imported.split(".")[0] for imported in imported_names(ast.Module(statements, []))}
        foreign = packages - ALWAYS_INSTALLED - sys.stdlib_module_names - {"meshrec"}
        found += [f"{name} imports {package}" for package in sorted(foreign)]
    assert found == []


def makes_assets(module: str) -> bool:
    """Whether it is run from tools/ to build what is shipped, with the extra `synth` installed."""
    return "build" in module.split(".")[2:]


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def test_the_public_names_are_the_recorded_ones_and_exist():
    recorded = (ROOT / "tests" / "public_api.txt").read_text().split()
    assert sorted(meshrec.__all__) == recorded, "a public name came or went: if that is meant, record it in the file"
    assert [name for name in recorded if not hasattr(meshrec, name)] == []


@pytest.mark.parametrize("module", ["meshrec", "meshrec.errors", "meshrec.checks", "meshrec.command_line"])
def test_importing_the_ground_needs_no_torch(module):
    heavy = run_python(f"import sys, {module}; print({{'torch', 'numpy', 'timm', 'cv2'}} & set(sys.modules) or 'none')")
    assert heavy.strip() == "none"


def test_importing_the_package_is_quick_and_silent():
    code = "import time; start = time.perf_counter(); import meshrec; print(time.perf_counter() - start)"
    # The best of three: the bound is about the package, not about what else the machine is doing.
    assert min(float(run_python(code)) for _ in range(3)) <= IMPORT_BUDGET_S


def test_importing_every_module_prints_and_warns_nothing():
    names = [name for name in modules() if not makes_assets(name)]
    code = f"import importlib\nfor name in {names}: importlib.import_module(name)"
    assert run_python(code) == ""
