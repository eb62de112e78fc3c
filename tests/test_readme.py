"""The front page says only what is true: its code runs, its files exist, its checksums match."""

import re

import pytest
import trimesh

import meshrec
from meshrec.assets import sha256_of_file
from meshrec.errors import AssetNotFound
from tests.support.commands import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
ASSETS_README = (REPOSITORY / "assets" / "README.md").read_text(encoding="utf-8")


def test_the_python_lines_run_and_write_a_watertight_mesh(tmp_path, monkeypatch):
    code, = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for shipped in re.findall(r'"(assets/[^"]+)"', code):
        code = code.replace(shipped, str(REPOSITORY / shipped))
    monkeypatch.chdir(tmp_path)
    try:
        exec(compile(code, "README.md", "exec"), {})
    except AssetNotFound as error:
        pytest.skip(f"not in this checkout: {error}")
    mesh = trimesh.load(tmp_path / "person.obj", process=False)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert (len(mesh.vertices), len(mesh.faces)) == (6890, 13776) and mesh.is_watertight


def test_there_are_exactly_two_marked_commands():
    marked = re.findall(r"<!-- command: (\w+) -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert [name for name, _ in marked] == ["demo", "tests"]
    assert "demo/run.py" in marked[0][1] and marked[1][1].strip().endswith("pytest")


@pytest.mark.parametrize(
    "document", ["README.md", "assets/README.md", "docs/evaluation.md", "docs/training.md", "THIRD_PARTY.md"]
)
def test_every_file_that_a_page_links_or_runs_exists(document):
    path = REPOSITORY / document
    text = path.read_text(encoding="utf-8")
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    named = re.findall(r"(?:demo|tools|configs|assets)/[\w/]+\.\w+", text)
    missing = [name for name in linked if not (path.parent / name).exists()]
    missing += [name for name in named if not (REPOSITORY / name).exists()]
    assert missing == []


def test_every_shipped_file_is_listed_with_its_checksum():
    folder = REPOSITORY / "assets"
    listed = {}
    for section in re.split(r"^## ", ASSETS_README, flags=re.MULTILINE)[1:]:
        name = section.split("/")[0]
        for row in re.findall(r"^\| `([^`]+)` .*\| `([0-9a-f]{64})` \|$", section, re.MULTILINE):
            listed[f"{name}/{row[0]}"] = row[1]
    shipped = {path.relative_to(folder).as_posix(): sha256_of_file(path)
               for path in folder.rglob("*") if path.is_file() and path.name != "README.md"}
    assert listed == shipped


def test_the_public_names_of_the_page_exist():
    for name in set(re.findall(r"meshrec\.(\w+)\(", README)):
        assert hasattr(meshrec, name)
