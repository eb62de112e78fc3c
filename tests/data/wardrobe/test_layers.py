import dataclasses

import numpy as np
import pytest
import torch

from meshrec.data.wardrobe.layers import Layer, Wardrobe
from meshrec.errors import AssetNotFound, InvalidInput


def random_layer(name: str = "cape", kind: str = "coat") -> Layer:
    generator = torch.Generator().manual_seed(3)

    def uniform(*shape):
        return torch.rand(*shape, generator=generator)

    return Layer(
        name=name,
        kind=kind,
        sex="female",
        vertices=uniform(7, 3) - 0.5,
        shape_directions=0.1 * (uniform(7, 3, 10) - 0.5),
        skinning_weights=uniform(7, 24).softmax(1),
        faces=torch.tensor([[0, 1, 2], [2, 3, 4], [4, 5, 6]]),
        face_texcoords=uniform(3, 3, 2),
        texture=(255 * uniform(5, 6, 3)).byte(),
        body_face=torch.tensor([0, 1, 1, 0, 1, 0, 1]),
        body_barycentric=uniform(7, 3).softmax(1),
        hidden_vertices=uniform(4) > 0.5,
        licence="CC-BY-4.0",
        author="Åsa",
    )


def random_wardrobe() -> Wardrobe:
    return Wardrobe(
        layers=(random_layer(), random_layer("boots", "shoes")),
        skins=torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).view(2, 4, 4, 3),
        skin_names=("a", "b"),
        skin_sex=("male", "female"),
        skin_tone=("asian", "african"),
        skin_age=("old", "young"),
        brows=torch.arange(64, dtype=torch.uint8).view(1, 4, 4, 4),
        iris_mask=torch.arange(16, dtype=torch.uint8).view(4, 4),
        irises=torch.tensor([[1, 2, 3]], dtype=torch.uint8),
        body_hash="b" * 16,
        atlas_hash="a" * 16,
    )


def test_a_saved_wardrobe_comes_back(tmp_path):
    wardrobe = random_wardrobe()
    wardrobe.save(tmp_path / "w.npz")
    loaded = Wardrobe.load(tmp_path / "w.npz")
    for field in dataclasses.fields(Wardrobe):
        before, after = getattr(wardrobe, field.name), getattr(loaded, field.name)
        if isinstance(before, torch.Tensor):
            assert before.dtype == after.dtype and torch.equal(before, after)
        elif field.name != "layers":
            assert before == after
    for before, after in zip(wardrobe.layers, loaded.layers, strict=True):
        for field in dataclasses.fields(Layer):
            one, other = getattr(before, field.name), getattr(after, field.name)
            if not isinstance(one, torch.Tensor):
                assert one == other
            elif one.is_floating_point():
                # Half precision keeps shape directions, 16 bits weights and texture coordinates.
                torch.testing.assert_close(one, other, atol=5e-5, rtol=0)
            else:
                assert one.dtype == other.dtype and torch.equal(one, other)
        torch.testing.assert_close(after.skinning_weights.sum(1), torch.ones(7))


def test_the_file_holds_no_pickles(tmp_path):
    random_wardrobe().save(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind in "iufbU" for name in arrays)


def test_another_body_or_atlas_is_refused():
    wardrobe = random_wardrobe()
    wardrobe.check_body("b" * 16, "a" * 16)
    with pytest.raises(InvalidInput, match="belongs to body b+, not to body c+; make one for it"):
        wardrobe.check_body("c" * 16, "a" * 16)
    with pytest.raises(InvalidInput, match="belongs to atlas a+, not to atlas c+"):
        wardrobe.check_body("b" * 16, "c" * 16)


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(AssetNotFound, match="build_wardrobe.py makes one"):
        Wardrobe.load(tmp_path / "none.npz")


@pytest.mark.parametrize("damage", ["text", "cut", "other", "pickle", "format"])
def test_a_damaged_file_is_explained(tmp_path, damage):
    path = tmp_path / "w.npz"
    random_wardrobe().save(path)
    if damage == "text":
        path.write_text("hello")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-300])
    elif damage == "other":
        np.savez(path, layer_count=3)
    elif damage == "pickle":
        np.savez(path, format=np.array({"a": 1}, dtype=object))
    else:
        np.savez(path, format=99)
    with pytest.raises(InvalidInput, match="is damaged or not a meshrec wardrobe"):
        Wardrobe.load(path)


def test_a_layer_follows_the_shape_of_the_body():
    layer = random_layer()
    betas = torch.tensor([[1.0, -2.0], [0.5, 0.0]])
    expected = [
        layer.vertices + one * layer.shape_directions[..., 0] + two * layer.shape_directions[..., 1]
        for one, two in betas.tolist()
    ]
    torch.testing.assert_close(layer.rest(betas), torch.stack(expected))


def test_offsets_of_the_body_are_carried_to_the_layer_above():
    layer = random_layer()
    body_faces = torch.tensor([[0, 1, 2], [1, 3, 2]])
    offsets = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    carried = layer.carried(offsets, body_faces)
    assert carried.shape == (2, 7, 3)
    corners = body_faces[layer.body_face[4]]
    expected = sum(layer.body_barycentric[4, k] * offsets[1, corners[k]] for k in range(3))
    torch.testing.assert_close(carried[1, 4], expected)


def test_layers_are_found_by_kind():
    assert [layer.name for layer in random_wardrobe().by_kind("shoes")] == ["boots"]
    assert random_wardrobe().by_kind("hat") == ()


def test_a_face_has_the_chosen_brows_and_eyes():
    wardrobe = dataclasses.replace(
        random_wardrobe(),
        skins=torch.full((2, 1, 4, 3), 100, dtype=torch.uint8),
        iris_mask=torch.tensor([[0, 255, 51, 0]], dtype=torch.uint8),
        brows=torch.tensor([[[[200, 150, 50, alpha] for alpha in (0, 0, 0, 204)]]], dtype=torch.uint8),
    )
    assert (wardrobe.face(1) == 100).all()
    dressed = [[100, 100, 100], [1, 2, 3], [80, 80, 81], [180, 140, 60]]
    assert wardrobe.face(0, brow=0, iris=0)[0].tolist() == dressed


def test_a_layer_moves_between_devices_with_all_its_tensors():
    moved = random_layer().to("meta")
    assert {value.device.type for value in vars(moved).values() if isinstance(value, torch.Tensor)} == {"meta"}
