"""A body fitted to a net's answer goes to the joints and the outline that the net saw, and stays near its mesh."""

from dataclasses import replace

import pytest
import torch

from meshrec.body import BodyModel, NamedJoints
from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.from_net import NetFitOptions, NetFitter, crop_camera
from meshrec.geometry.projection import (
    project_pinhole,
    project_weak_perspective,
    translation_to_weak_perspective,
    weak_perspective_to_translation,
)
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.metrics.masks import mask_iou
from meshrec.render import rasterize
from meshrec.structures import (
    BODY30,
    SMPL24,
    BodyOutput,
    BodyParams,
    CropBodies,
    IuvMap,
    LocationMap,
    PinholeCamera,
    WeakPerspectiveCamera,
)
from meshrec.uv import UvAtlas
from meshrec.uv.transfer import map_to_vertices, vertices_to_map

WITHOUT_OUTLINE = NetFitOptions(mask_weight=0.0)


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def prior():
    return PosePrior.from_file()


def posed(body, **turns):
    """Parameters of one body that faces the camera, its arms at its sides but for turns of joints, axis-angle."""
    params = BodyParams.rest(1, body.beta_count, body.joint_count, facing_camera=True)
    turns = {"left_shoulder": (0.0, 0.0, -1.2), "right_shoulder": (0.0, 0.0, 1.2)} | turns
    for name, turn in turns.items():
        params.body_pose[:, SMPL24.index(name) - 1] = axis_angle_to_matrix(torch.tensor([turn]))
    return params


def camera():
    return WeakPerspectiveCamera.from_vector(torch.tensor([[0.9, 0.02, 0.1]]))


def named_joints(body, vertices):
    return NamedJoints(body, BODY30)(BodyOutput(vertices, body.joint_regressor @ vertices))


def joints_ndc(body, vertices, camera):
    return project_weak_perspective(named_joints(body, vertices), camera.scale, camera.translation)


def outline(body, bodies, size=64):
    """(B, H, W) bool under the bodies' own cameras."""
    weak, focal = bodies.camera, 5000.0
    depth = 2 * focal / (size * weak.scale)
    place = torch.cat([weak.translation, depth[:, None]], 1)
    middle = torch.full((1, 2), size / 2)
    pinhole = PinholeCamera(torch.full((1, 2), focal), middle, (size, size))
    return rasterize(bodies.vertices + place[:, None], body.faces, pinhole, (size, size)).mask


def seen(body, vertices):
    """Joints as a sure net sees them."""
    places = joints_ndc(body, vertices, camera())
    return torch.cat([places, torch.full_like(places[..., :1], 0.9)], -1)


def wrist_error_px(body, bodies, joints):
    error = (joints_ndc(body, bodies.vertices, bodies.camera) - joints[..., :2]).norm(dim=-1) * 112
    return float(error[0, BODY30.index("left_wrist")])


def test_an_arm_that_the_mesh_has_elsewhere_goes_where_its_joints_were_seen(body, prior):
    true = body(posed(body, left_elbow=(0.0, -1.4, 0.0))).vertices
    mistaken = body(posed(body)).vertices
    joints = seen(body, true)
    answer = CropBodies(mistaken, camera(), joints=joints)
    fitted = NetFitter(body, prior, options=WITHOUT_OUTLINE)(answer)
    assert wrist_error_px(body, answer, joints) > 15
    assert wrist_error_px(body, fitted, joints) < 6
    assert fitted.params is not None
    torch.testing.assert_close(body(fitted.params).vertices, fitted.vertices)


def test_a_body_whose_joints_agree_hardly_moves(body, prior):
    true = body(posed(body)).vertices
    fitted = NetFitter(body, prior, options=WITHOUT_OUTLINE)(CropBodies(true, camera(), joints=seen(body, true)))
    apart = (fitted.vertices - fitted.vertices.mean(1, keepdim=True)) - (true - true.mean(1, keepdim=True))
    assert apart.norm(dim=-1).mean() < 0.04  # the prior likes knees a little bent


def test_joints_that_were_not_seen_move_nothing(body, prior):
    true = body(posed(body)).vertices
    joints = seen(body, true)
    wild = joints.clone()
    wild[:, BODY30.index("left_wrist")] = torch.tensor([-0.9, -0.9, 0.0])
    joints[:, BODY30.index("left_wrist"), 2] = 0.0
    fitter = NetFitter(body, prior, options=WITHOUT_OUTLINE)
    one, other = (fitter(CropBodies(true, camera(), joints=points)) for points in (joints, wild))
    torch.testing.assert_close(one.vertices, other.vertices, atol=1e-4, rtol=0)


def test_a_body_fills_the_outline_that_the_net_saw(body, prior):
    thin = body(posed(body)).vertices
    stout = posed(body)
    stout.betas[:, 1] = 2.0
    true = body(stout).vertices
    mask = outline(body, CropBodies(true, camera()))
    joints = seen(body, thin)
    joints[..., 2] = 0.1
    answer = CropBodies(thin, camera(), IuvMap(mask.float(), torch.zeros(1, 2, 64, 64)), joints=joints)
    before = mask_iou(outline(body, NetFitter(body, prior, options=WITHOUT_OUTLINE)(answer)), mask)
    after = mask_iou(outline(body, NetFitter(body, prior, options=NetFitOptions())(answer)), mask)
    assert after > before + 0.02


def test_a_body_may_go_on_beyond_the_photos_edge_where_no_outline_is_known(body, prior):
    true = body(posed(body)).vertices
    whole = outline(body, CropBodies(true, camera()))
    photo = torch.ones(1, 64, 64)
    photo[:, 34:] = 0  # it ends at the hips
    joints = seen(body, true)
    joints[..., 2] *= joints[..., 1] < 34 / 32 - 1
    answer = CropBodies(true, camera(), IuvMap(whole * photo, torch.zeros(1, 2, 64, 64)), joints=joints)
    fitter = NetFitter(body, prior)
    aware, unaware = (outline(body, fitter(answer, photo=known)) for known in (photo, None))
    legs = whole[:, 34:]
    assert mask_iou(aware[:, 34:], legs) > max(0.7, mask_iou(unaware[:, 34:], legs) + 0.1)
    assert mask_iou(aware[:, :34], whole[:, :34]) > 0.85


def test_the_location_map_is_that_of_the_fitted_body(body, prior):
    atlas = UvAtlas.from_file()
    true, mistaken = (body(params).vertices for params in (posed(body, left_elbow=(0.0, -1.4, 0.0)), posed(body)))
    before = LocationMap(vertices_to_map(mistaken, atlas.texels(64)), atlas.hash)
    answer = CropBodies(mistaken, camera(), location_map=before, joints=seen(body, true))
    fitted = NetFitter(body, prior, atlas, WITHOUT_OUTLINE)(answer)
    read = map_to_vertices(fitted.location_map.points, atlas)
    assert (read - fitted.vertices).norm(dim=-1).mean() < 0.006
    assert fitted.location_map.atlas_hash == atlas.hash


def test_somebody_near_is_fitted_as_the_photos_camera_sees_him(body, prior):
    """The arm is stretched out to a camera two metres away; the photo's middle is far beside the crop."""
    photo = PinholeCamera(torch.tensor([[600.0, 600.0]]), torch.tensor([[400.0, 300.0]]), (600, 800))
    params = posed(body, left_shoulder=(0.0, -1.3, 0.0))
    true, place = body(params).vertices, torch.tensor([[[0.4, 0.1, 2.0]]])
    centre_px, side_px = torch.tensor([[520.0, 330.0]]), torch.tensor([620.0])
    joints_px = project_pinhole(named_joints(body, true) + place, photo.focal_px, photo.centre_px)
    ndc = (joints_px - centre_px[:, None]) / (0.5 * side_px[:, None, None])
    joints = torch.cat([ndc, torch.full_like(ndc[..., :1], 0.9)], -1)
    weak = translation_to_weak_perspective(place[:, 0], centre_px, side_px, photo.focal_px, photo.centre_px)
    answer = CropBodies(true, WeakPerspectiveCamera(*weak), joints=joints)
    fitter = NetFitter(body, prior, options=WITHOUT_OUTLINE)

    def error_px(fitted):
        scale, shift = fitted.camera.scale, fitted.camera.translation
        put = weak_perspective_to_translation(scale, shift, centre_px, side_px, photo.focal_px, photo.centre_px)
        found = named_joints(body, fitted.vertices) + put[:, None]
        return (project_pinhole(found, photo.focal_px, photo.centre_px) - joints_px).norm(dim=-1).mean()

    assert error_px(answer) < 0.01  # the answer is right in that camera
    near, far = fitter(answer, crop_camera(photo, centre_px, side_px)), fitter(answer)
    assert error_px(near) < 6 and error_px(far) > 2 * error_px(near)


def test_everybody_is_fitted_as_if_alone(body, prior):
    first, second = body(posed(body)).vertices, body(posed(body, left_elbow=(0.0, -1.4, 0.0))).vertices
    cameras = WeakPerspectiveCamera.from_vector(camera().to_vector().expand(2, 3))
    joints = torch.cat([seen(body, second), seen(body, first)])
    fitter = NetFitter(body, prior, options=WITHOUT_OUTLINE)
    both = fitter(CropBodies(torch.cat([first, second]), cameras, joints=joints))
    alone = fitter(CropBodies(second, camera(), joints=joints[1:]))
    torch.testing.assert_close(both.vertices[1:], alone.vertices, atol=1e-3, rtol=0)


def test_answers_without_joints_stay_what_they_are(body, prior):
    answer = CropBodies(body(posed(body)).vertices, camera())
    assert NetFitter(body, prior)(answer) is answer
    nobody = replace(answer, vertices=answer.vertices[:0], joints=torch.zeros(0, 30, 3))
    assert NetFitter(body, prior)(nobody) is nobody
