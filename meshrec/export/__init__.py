"""Predictions as files: meshes, body parameters and skeletons for other programs, and the photo's camera."""

from meshrec.export.meshes import MESH_EXTENSIONS, check_mesh_path, exported_vertices, save_camera, save_mesh
from meshrec.export.params import check_params_path, load_params, save_params
from meshrec.export.skeletons import SKELETON_EXTENSIONS, check_skeleton_path, save_skeleton

__all__ = [
    "MESH_EXTENSIONS",
    "SKELETON_EXTENSIONS",
    "check_mesh_path",
    "check_params_path",
    "check_skeleton_path",
    "exported_vertices",
    "load_params",
    "save_camera",
    "save_mesh",
    "save_params",
    "save_skeleton",
]
