"""Small closed meshes and a small articulated body for tests."""

import torch


def octahedron_sphere(subdivisions: int = 2, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit sphere (V, 3) and its faces (F, 3), from an octahedron whose faces are split in four and pushed out."""
    vertices = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    vertices = [torch.tensor(vertex, dtype=dtype) for vertex in vertices]
    faces = [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)]
    for _ in range(subdivisions):
        middle = {}
        split = []
        for a, b, c in faces:
            ab, bc, ca = (_middle(vertices, middle, *edge) for edge in ((a, b), (b, c), (c, a)))
            split += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        faces = split
    return torch.stack(vertices), torch.tensor(faces)


def _middle(vertices: list, middle: dict, a: int, b: int) -> int:
    edge = (min(a, b), max(a, b))
    if edge not in middle:
        middle[edge] = len(vertices)
        vertices.append(torch.nn.functional.normalize(vertices[a] + vertices[b], dim=0))
    return middle[edge]


def random_body(seed: int = 0, vertices: int = 40, dtype=torch.float64) -> dict:
    """Arrays of an SMPL-format body with a branching chain of six joints, by the argument names of the skinning."""
    generator = torch.Generator().manual_seed(seed)
    parents = (-1, 0, 1, 1, 0, 4)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype)

    return {
        "template_vertices": normal(vertices, 3),
        "shape_directions": 0.1 * normal(vertices, 3, 4),
        "pose_directions": 0.1 * normal(9 * (len(parents) - 1), 3 * vertices),
        "joint_regressor": normal(len(parents), vertices).softmax(-1),
        "skinning_weights": normal(vertices, len(parents)).softmax(-1),
        "parents": parents,
    }
