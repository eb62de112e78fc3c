"""Nets: correspondence net, location net and DecoMR, and HMR, in the papers' and a light form of the same classes."""

from meshrec.models.body_discriminator import BodyDiscriminator
from meshrec.models.correspondence_net import Correspondence, CorrespondenceNet
from meshrec.models.decomr import DecoMR, DecoMROutput
from meshrec.models.hmr import Hmr, HmrOutput
from meshrec.models.iterative_regressor import BodyEstimate, IterativeRegressor
from meshrec.models.location_net import Location, LocationNet, LocationWidths
from meshrec.models.mean_body import MeanBody
from meshrec.models.part_code import PART_COUNT, PartCode, part_boxes_uv
from meshrec.models.variants import (
    FACING_BINS,
    LIGHT_BASIS_GRID,
    LIGHT_UV_GRID,
    PAPER_UV_GRID,
    light_correspondence_net,
    light_location_net,
    paper_correspondence_net,
    paper_location_net,
)

__all__ = ["FACING_BINS", "LIGHT_BASIS_GRID", "LIGHT_UV_GRID", "PAPER_UV_GRID", "PART_COUNT", "BodyDiscriminator",
           "BodyEstimate", "Correspondence", "CorrespondenceNet", "DecoMR", "DecoMROutput", "Hmr", "HmrOutput",
           "IterativeRegressor", "Location", "LocationNet", "LocationWidths", "MeanBody", "PartCode",
           "light_correspondence_net", "light_location_net", "paper_correspondence_net", "paper_location_net",
           "part_boxes_uv"]
