"""Frozen dataclasses that travel between packages."""

from meshrec.structures.batch import TrainingBatch
from meshrec.structures.body import BodyOutput, BodyParams
from meshrec.structures.camera import PinholeCamera, WeakPerspectiveCamera
from meshrec.structures.crop_bodies import CropBodies
from meshrec.structures.iuv import IuvMap
from meshrec.structures.joints import BODY30, COCO17, LSP14, SMPL24, JointSet, convert_joints
from meshrec.structures.location_map import LocationMap
from meshrec.structures.prediction import MeshPrediction
from meshrec.structures.scene_batch import SceneBatch

__all__ = [
    "BODY30",
    "COCO17",
    "LSP14",
    "SMPL24",
    "BodyOutput",
    "BodyParams",
    "CropBodies",
    "IuvMap",
    "JointSet",
    "LocationMap",
    "MeshPrediction",
    "PinholeCamera",
    "SceneBatch",
    "TrainingBatch",
    "WeakPerspectiveCamera",
    "convert_joints",
]
