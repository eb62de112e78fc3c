"""Atlases from OBJ files with texture coordinates, by the function and by the tool."""

import json

import pytest
import torch

from meshrec.body.model import BodyModel
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.uv import UvAtlas, map_to_vertices, vertices_to_map
from meshrec.uv.obj_atlas import read_obj_atlas
from tests.support.commands import load_main, run_script
from tests.support.small_atlas import small_atlas

SQUARE = """# two triangles of four vertices; the corner at vertex 1 is cut
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0.1 0.2
vt 0.9 0.2
vt 0.9 0.8
vt 0.1 0.8
vt 0.1 0.3
f 1/1/1 2/2/1 3/3/1
f 1/5/1 3/3/1 4/4/1
"""


def obj_text(atlas: UvAtlas) -> str:
    vertices = "v 0 0 0\n" * (int(atlas.texture_to_vertex.max()) + 1)
    coordinates = "".join(f"vt {u:.9f} {v:.9f}\n" for u, v in atlas.texcoords.tolist())
    owner = (atlas.texture_to_vertex + 1).tolist()
    faces = "".join(
        "f " + " ".join(f"{owner[t]}/{t + 1}" for t in face) + "\n" for face in atlas.texture_faces.tolist()
    )
    return vertices + coordinates + faces


@pytest.fixture
def write(tmp_path):
    def write_text(text):
        (tmp_path / "mesh.obj").write_text(text)
        return tmp_path / "mesh.obj"

    return write_text


def test_seam_of_an_obj_becomes_two_texture_vertices(write):
    atlas = read_obj_atlas(write(SQUARE))
    assert len(atlas.texcoords) == 5
    assert atlas.copies.tolist() == [2, 1, 1, 1]
    assert atlas.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    torch.testing.assert_close(atlas.face_texcoords[1, 0], torch.tensor([0.1, 0.3]))


def test_polygons_are_split_and_negative_indices_count_from_the_end(write):
    text = SQUARE.split("\nf ")[0] + "\nf -4/-5 -3/-4 -2/-3 -1/-2\n"
    assert read_obj_atlas(write(text)).faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_v_is_taken_as_it_is_unless_it_is_flipped(write):
    path = write(SQUARE)
    plain, flipped = read_obj_atlas(path), read_obj_atlas(path, flip_v=True)
    torch.testing.assert_close(flipped.texcoords[:, 1], 1 - plain.texcoords[:, 1])
    assert plain.hash != flipped.hash


def test_shipped_atlas_written_as_obj_reads_back_and_carries_positions(write):
    shipped, body = UvAtlas.from_file(), BodyModel.from_file()
    atlas = read_obj_atlas(write(obj_text(shipped)), body=body)
    assert torch.equal(atlas.faces, body.faces) and atlas.body_hash == body.hash
    vertices = body.template_vertices[None]
    error = (map_to_vertices(vertices_to_map(vertices, atlas.texels(128)), atlas) - vertices).norm(dim=-1)
    assert error.mean() <= 1.5e-3


def test_obj_of_another_mesh_is_refused_for_a_body(write):
    with pytest.raises(InvalidInput, match="other faces than the body"):
        read_obj_atlas(write(SQUARE), body=BodyModel.from_file())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no faces"),
        (SQUARE.replace("1/1/1", "1"), "names no texture coordinate"),
        (SQUARE.replace("1/1/1", "1//1"), "names no texture coordinate"),
        (SQUARE.replace("3/3/1", "9/3/1"), "beyond the file's vertices"),
        (SQUARE.replace("3/3/1", "x/3/1"), "not an OBJ file"),
        (SQUARE.replace("vt 0.9 0.8", "vt 1.9 0.8"), r"outside \[0, 1\]"),
        (SQUARE.replace("vt 0.9 0.8", "vt 0.9"), "not an OBJ file"),
    ],
)
def test_unusable_obj_is_explained(write, text, message):
    with pytest.raises(InvalidInput, match=message):
        read_obj_atlas(write(text))


def test_absent_obj_is_explained(tmp_path):
    with pytest.raises(AssetNotFound, match="no OBJ file"):
        read_obj_atlas(tmp_path / "absent.obj")


def test_tool_makes_an_atlas_file_from_an_obj(write, tmp_path):
    out, figures = tmp_path / "atlas.npz", tmp_path / "figures.json"
    finished = run_script(
        "tools/build_uv_atlas.py", "--obj", write(obj_text(small_atlas())), "--out", out, "--json", figures
    )
    assert finished.returncode == 0, finished.stderr
    assert UvAtlas.from_file(out).hash == small_atlas().hash
    assert json.loads(figures.read_text())["flipped"] == 0
    assert "coverage_percent" in finished.stdout


def test_tool_explains_a_bad_obj_in_one_line(write, tmp_path, capsys):
    assert load_main("tools/build_uv_atlas.py")("--obj", write("hello"), "--out", tmp_path / "atlas.npz") == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert not (tmp_path / "atlas.npz").exists()
