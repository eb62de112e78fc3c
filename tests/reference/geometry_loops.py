"""Slow twins of the geometry functions: one element at a time, in numpy float64, straight from the definitions."""

import numpy as np


def rotation_by_exponential(axis_angle: np.ndarray) -> np.ndarray:
    """exp of the cross-product matrix as a power series, halved often enough to converge at once."""
    x, y, z = axis_angle / 2**10
    small = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation, term = np.eye(3), np.eye(3)
    for order in range(1, 12):
        term = term @ small / order
        rotation = rotation + term
    return np.linalg.matrix_power(rotation, 2**10)


def rotate_by_quaternion(quaternion_wxyz: np.ndarray, point: np.ndarray) -> np.ndarray:
    """q p q* with Hamilton's product."""
    w, x, y, z = quaternion_wxyz
    rotated = _hamilton(_hamilton(quaternion_wxyz, np.array([0, *point])), np.array([w, -x, -y, -z]))
    return rotated[1:]


def _hamilton(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    vector = a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])
    return np.array([a[0] * b[0] - a[1:] @ b[1:], *vector])


def skinned_body(body: dict, betas: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and joints (J, 3) of one body; `rotations` (J, 3, 3) with the root's first."""
    template, weights = body["template_vertices"], body["skinning_weights"]
    shaped = template + sum(beta * body["shape_directions"][:, :, i] for i, beta in enumerate(betas))
    joints = body["joint_regressor"] @ shaped
    feature = np.concatenate([(rotation - np.eye(3)).ravel() for rotation in rotations[1:]])
    rest = shaped + sum(f * row.reshape(-1, 3) for f, row in zip(feature, body["pose_directions"], strict=True))
    frames = []
    for joint, parent in enumerate(body["parents"]):
        local = np.eye(4)
        local[:3, :3] = rotations[joint]
        local[:3, 3] = joints[joint] - (joints[parent] if parent >= 0 else 0)
        frames.append(frames[parent] @ local if parent >= 0 else local)
    vertices = np.zeros_like(template)
    for v in range(len(template)):
        for joint, frame in enumerate(frames):
            moved = frame @ np.array([*(rest[v] - joints[joint]), 1.0])
            vertices[v] += weights[v, joint] * moved[:3]
    return vertices, np.array([frame[:3, 3] for frame in frames])


def crop_by_area(image: np.ndarray, image_from_crop: np.ndarray, size: int, samples: int = 8) -> np.ndarray:
    """(C, size, size) means over a fine grid of bilinear samples inside each crop pixel; zero outside the image."""
    crop = np.zeros((image.shape[0], size, size))
    steps = (np.arange(samples) + 0.5) / samples
    for row in range(size):
        for column in range(size):
            values = [
                _bilinear(image, image_from_crop @ np.array([column + dx, row + dy, 1.0]))
                for dy in steps
                for dx in steps
            ]
            crop[:, row, column] = np.mean(values, 0)
    return crop


def _bilinear(image: np.ndarray, point_px: np.ndarray) -> np.ndarray:
    """Value at continuous pixels, the first pixel's centre at (0.5, 0.5)."""
    x, y = point_px - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    value = np.zeros(image.shape[0])
    for row, weight_y in ((top, top + 1 - y), (top + 1, y - top)):
        for column, weight_x in ((left, left + 1 - x), (left + 1, x - left)):
            if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                value += weight_x * weight_y * image[:, row, column]
    return value


def best_similarity_residual(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> float:
    """Least weighted squared distance over similarities, by Horn's quaternion eigenvalue instead of singular values."""
    weights = weights / weights.sum()
    a, b = source - weights @ source, target - weights @ target
    m = (weights[:, None] * a).T @ b
    delta = np.array([m[1, 2] - m[2, 1], m[2, 0] - m[0, 2], m[0, 1] - m[1, 0]])
    horn = np.zeros((4, 4))
    horn[0, 0], horn[0, 1:], horn[1:, 0] = np.trace(m), delta, delta
    horn[1:, 1:] = m + m.T - np.trace(m) * np.eye(3)
    overlap = np.linalg.eigvalsh(horn)[-1]
    return float(weights @ (b**2).sum(1) - overlap**2 / (weights @ (a**2).sum(1)))


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals, face by face."""
    normals = np.zeros_like(vertices)
    for a, b, c in faces:
        normal = np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a]) / 2
        for corner in (a, b, c):
            normals[corner] += normal
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def uniform_laplacian(values: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Mean of the neighbours minus the vertex, by sets of neighbours."""
    neighbours = [set() for _ in values]
    for a, b, c in faces:
        for one, other in ((a, b), (b, c), (c, a)):
            neighbours[one].add(int(other))
            neighbours[other].add(int(one))
    return np.array([values[sorted(near)].mean(0) - value for near, value in zip(neighbours, values, strict=True)])
