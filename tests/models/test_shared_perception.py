import torch

from meshrec.models import light_correspondence_net
from meshrec.models.body_code import joints_from_heatmaps
from meshrec.models.shared_perception import CorrespondenceReader, SharedPerception
from meshrec.models.variants import LIGHT_BASIS_GRID, LIGHT_UV_GRID, light_body_encoder, light_location_net


def test_features_are_the_code_that_the_location_net_reads_and_the_joints():
    torch.manual_seed(1)
    correspondence_net = light_correspondence_net(torch.rand(24, 2), torch.full((24, 2), 0.1)).eval()
    maps = torch.randn(3, LIGHT_UV_GRID, LIGHT_UV_GRID), torch.randn(3, LIGHT_BASIS_GRID, LIGHT_BASIS_GRID)
    location_net = light_location_net(*maps).eval()
    perception = SharedPerception(correspondence_net, location_net.body_encoder)
    images, seen = torch.rand(2, 3, 96, 96), []
    location_net.camera_layers.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        features = perception(images)
        found = correspondence_net(images)
        joints = joints_from_heatmaps(found.joint_heatmaps)
        location_net(found.iuv, found.features, found.code, joints, refine=False)
    assert features.shape == (2, perception.width) == (2, 384 + 90)
    torch.testing.assert_close(features[:, :384], seen[0])
    torch.testing.assert_close(CorrespondenceReader(location_net.body_encoder)(found), features)
    torch.testing.assert_close(features[:, 384:].unflatten(1, (30, 3)), joints)
    assert features[:, :384].std(dim=0).max() > 1e-3


def test_the_encoder_has_the_names_and_shapes_of_the_location_nets():
    maps = torch.zeros(3, LIGHT_UV_GRID, LIGHT_UV_GRID), torch.zeros(3, LIGHT_BASIS_GRID, LIGHT_BASIS_GRID)
    theirs = light_location_net(*maps).body_encoder.state_dict()
    light_body_encoder().load_state_dict(theirs)
