"""Between vertices and location maps, and from image features to the atlas: differentiable, batched."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.iuv import IuvMap
from meshrec.uv.atlas import TexelTable, UvAtlas


def vertices_to_map(vertices: Tensor, table: TexelTable) -> Tensor:
    """Write vertex attributes (positions, for a location map) into the atlas.

    Args:
        vertices: (B, V, C) attributes of the vertices of the atlas' body.
        table: texels of the wanted resolution.
    Returns:
        (B, C, R, R), zero where the table's mask is False.
    """
    check_shapes(vertices=(vertices, "B V C"))
    weights = table.barycentric.to(vertices).reshape(-1, 3)
    index = table.vertex_index.to(vertices.device).reshape(-1, 3)
    flat = sum(vertices[:, index[:, k]] * weights[:, k, None] for k in range(3))
    size = table.resolution
    return flat.transpose(1, 2).reshape(vertices.shape[0], vertices.shape[2], size, size)


def map_to_vertices(location_map: Tensor, atlas: UvAtlas) -> Tensor:
    """Read vertices out of a location map: bilinear, corner-aligned, copies of a seam vertex averaged.

    Args:
        location_map: (B, C, R, R).
        atlas: the atlas that the map is drawn in.
    Returns:
        (B, V, C).
    """
    check_shapes(location_map=(location_map, "B C R R"))
    grid = (2.0 * atlas.texcoords.to(location_map) - 1.0).expand(location_map.shape[0], 1, -1, -1)
    # Seam vertices may lie beside texels without a value at the very border: repeat the border instead of zeros.
    read = F.grid_sample(location_map, grid, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]
    owner, copies = atlas.texture_to_vertex.to(read.device), atlas.copies.to(read)
    total = read.new_zeros(*read.shape[:2], len(copies)).index_add(2, owner, read)
    return (total / copies).transpose(1, 2)


def image_to_uv(features: Tensor, iuv: IuvMap, resolution: int) -> Tensor:
    """Carry image features to the atlas along predicted correspondences (DecoMR, section 3.2 of the paper).

    Every pixel with mask > 0.5 drops its features and its own position onto the nearest texel; texels hit several times
    hold the mean. The choice of texel carries no gradient, so neither mask nor coordinates receive one.

    Args:
        features: (B, C, H, W).
        iuv: mask (B, H, W) and atlas coordinates (B, 2, H, W) of the same size.
        resolution: texels R along one side.
    Returns:
        (B, C + 3, R, R): mean features, mean x and y of the pixels in [-1, 1], and 1 where a pixel arrived.
    """
    size = check_shapes(features=(features, "B C H W"), mask=(iuv.mask, "B H W"), uv=(iuv.uv, "B 2 H W"))
    batch, height, width = size["B"], size["H"], size["W"]
    texels = resolution * resolution
    with torch.no_grad():
        column, row = (iuv.uv * (resolution - 1)).nan_to_num(0.0).round().long().clamp(0, resolution - 1).unbind(1)
        image = torch.arange(batch, device=row.device).view(-1, 1, 1) * texels
        # Background pixels go to one texel beyond the end: no data-dependent shapes, so no wait on a GPU.
        target = torch.where(iuv.mask > 0.5, image + row * resolution + column, batch * texels)
    x = torch.linspace(-1, 1, width, device=features.device, dtype=features.dtype).expand(batch, 1, height, width)
    y = torch.linspace(-1, 1, height, device=features.device, dtype=features.dtype)[:, None].expand_as(x)
    carried = torch.cat([features, x, y, torch.ones_like(x)], dim=1).permute(0, 2, 3, 1).flatten(0, 2)
    total = carried.new_zeros(batch * texels + 1, carried.shape[1]).index_add(0, target.flatten(), carried)[:-1]
    hits = total[:, -1:]
    mean = torch.cat([total[:, :-1] / hits.clamp(min=1.0), (hits > 0).to(total)], dim=1)
    return mean.view(batch, resolution, resolution, -1).permute(0, 3, 1, 2).contiguous()
