"""From fragments to pictures: normals, colours, textures and simple light, all differentiable."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from meshrec.checks import check_shapes
from meshrec.geometry.meshes import face_normals, vertex_normals
from meshrec.render.rasterize import Fragments, interpolate
from meshrec.structures import PinholeCamera, WeakPerspectiveCamera


def normal_image(fragments: Fragments, faces: Tensor, vertices_cam: Tensor, *, smooth: bool = True) -> Tensor:
    """Unit normals of what is seen, pointing out of the mesh.

    Args:
        fragments: what `rasterize` returned.
        faces: (F, 3) long.
        vertices_cam: (B, V, 3) metres.
        smooth: vertex normals interpolated; otherwise every face has its own.
    Returns:
        (B, 3, H, W) in the camera frame, zero at background.
    """
    if smooth:
        normals = vertex_normals(vertices_cam, faces)
    else:
        normals = face_normals(vertices_cam, faces)[:, :, None].expand(-1, -1, 3, -1)
    return functional.normalize(interpolate(fragments, faces, normals), dim=1)


def turned_to_camera(
    normals: Tensor, fragments: Fragments, faces: Tensor, vertices_cam: Tensor,
    camera: PinholeCamera | WeakPerspectiveCamera,
) -> Tensor:
    """The normals, reversed where a face is seen from its back: light open meshes such as hair or a skirt with these.

    Args:
        normals: (B, 3, H, W) of `normal_image` for the other arguments.
    """
    with torch.no_grad():
        outwards = normal_image(fragments, faces, vertices_cam, smooth=False)
        if isinstance(camera, PinholeCamera):
            along_ray = (outwards * interpolate(fragments, faces, vertices_cam)).sum(1, keepdim=True)
        else:
            along_ray = outwards[:, 2:]
    return torch.where(along_ray > 0, -normals, normals)


def sample_texture(uv: Tensor, texture: Tensor) -> Tensor:
    """Colours of a texture at interpolated texture coordinates.

    Args:
        uv: (B, 2, H, W), u along the columns and v along the rows of the texture, 0 to 1 between the centres of its
            first and last texel (row 0 is v = 0); clamped outside.
        texture: (B, C, h, w), or a batch of 1 for all images.
    Returns:
        (B, C, H, W), also at background, where it samples whatever uv says.
    """
    check_shapes(uv=(uv, "B 2 H W"), texture=(texture, "A C h w"))
    grid = uv.permute(0, 2, 3, 1) * 2 - 1
    texture = texture.expand(len(uv), -1, -1, -1)
    return functional.grid_sample(texture, grid.to(texture), align_corners=True, padding_mode="border")


def lambert_light(normals: Tensor, to_light: Tensor, *, ambient: float = 0.3, diffuse: float = 0.7) -> Tensor:
    """Brightness under one distant lamp and even surrounding light.

    Args:
        normals: (B, 3, H, W) unit, camera frame.
        to_light: (B, 3), or (3,) for all images: direction from the scene to the lamp, camera frame, any length.
    Returns:
        (B, 1, H, W), `ambient` where the lamp does not reach and `ambient + diffuse` at most.
    """
    direction = functional.normalize(to_light.to(normals).expand(len(normals), 3), dim=1)
    cosine = torch.einsum("bchw,bc->bhw", normals, direction)
    return ambient + diffuse * cosine.clamp(min=0)[:, None]


def spherical_harmonics(normals: Tensor) -> Tensor:
    """The nine real spherical harmonics up to degree 2, enough for diffuse light from everywhere.

    (Ramamoorthi and Hanrahan, An Efficient Representation for Irradiance Environment Maps, 2001, section 3.)

    Args:
        normals: (B, 3, H, W) unit.
    Returns:
        (B, 9, H, W): 1; y, z, x; xy, yz, 3zz - 1, xz, xx - yy, each scaled to unit norm over the sphere.
    """
    x, y, z = normals.unbind(1)
    zeroth, first = 0.5 / math.sqrt(math.pi), math.sqrt(3 / (4 * math.pi))
    second = math.sqrt(15 / (4 * math.pi))
    return torch.stack([
        torch.full_like(x, zeroth), first * y, first * z, first * x, second * x * y, second * y * z,
        math.sqrt(5 / (16 * math.pi)) * (3 * z * z - 1), second * x * z, second / 2 * (x * x - y * y),
    ], dim=1)


def environment_light(normals: Tensor, coefficients: Tensor) -> Tensor:
    """Brightness under diffuse light given by spherical harmonics.

    Args:
        normals: (B, 3, H, W) unit, in the frame of the coefficients.
        coefficients: (B, 9, C), one set per colour channel (or C = 1), in the order of `spherical_harmonics`.
    Returns:
        (B, C, H, W), never negative.
    """
    check_shapes(normals=(normals, "B 3 H W"), coefficients=(coefficients, "B 9 C"))
    return torch.einsum("bkhw,bkc->bchw", spherical_harmonics(normals), coefficients).clamp(min=0)


def over_background(colours: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Put rendered colours over a background.

    Args:
        colours: (B, C, H, W).
        mask: (B, H, W), `Fragments.mask` or an opacity in [0, 1].
        background: broadcastable to (B, C, H, W).
    """
    opacity = mask[:, None].to(colours.dtype)
    return colours * opacity + background * (1 - opacity)
