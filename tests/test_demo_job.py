"""What the demo plans, writes and reports."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.build import Surface
from meshrec.demo_job import Outputs, PhotoReport, PhotoSheet, plan_outputs, run_photos, summary
from meshrec.errors import InvalidInput
from meshrec.iuv.iuv_files import load_iuv, load_iuv_png
from meshrec.models.hmr_variants import light_hmr
from tests.support.people import Finder, egg_model
from tests.support.photos import write_readable_photos, write_unreadable_photos
from tests.support.standing import standing_model


def test_one_photo_gets_the_files_that_were_named():
    wanted = Outputs(mesh=Path("out/a.obj"), overlay=Path("b.png"))
    assert plan_outputs([Path("photo.jpg")], wanted) == [wanted]


def test_several_photos_get_their_names_appended_and_never_the_same_file():
    plan = plan_outputs([Path("x/one.jpg"), Path("y/one.png"), Path("TWO.jpg")], Outputs(mesh=Path("out/m.obj")))
    assert [output.mesh for output in plan] == [Path("out/m_one.obj"), Path("out/m_one_2.obj"), Path("out/m_TWO.obj")]
    assert all(output.overlay is None for output in plan)


def test_without_wishes_a_mesh_and_an_overlay_go_to_the_working_directory():
    plan = plan_outputs([Path("far/away/street.jpg")], Outputs())
    assert plan == [Outputs(mesh=Path("street_mesh.obj"), overlay=Path("street_overlay.png"))]
    # Whoever wants all photos in one picture has said what he wants.
    assert plan_outputs([Path("far/away/street.jpg")], Outputs(), sheet=True) == [Outputs()]


def sheet_size(folder, photos):
    """Width and height of the sheet of some photos, None where there is none."""
    sheet = PhotoSheet(folder / "sheet.png")
    for report in run_photos(photos, plan_outputs(photos, Outputs(), sheet=True), egg_model()):
        sheet.add(report)
    if not sheet.save():
        return None
    with Image.open(sheet.path) as picture:
        return picture.size


def test_a_sheet_shows_every_photo_that_could_be_read(tmp_path):
    good, bad = list(write_readable_photos(tmp_path).values()), list(write_unreadable_photos(tmp_path).values())
    assert sheet_size(tmp_path, bad) is None
    one, several = sheet_size(tmp_path, good[:1]), sheet_size(tmp_path, [*good[:1], *bad, *good[:1] * 3])
    assert several[0] == 2 * one[0] - 4 and several[1] == 2 * one[1] - 4  # two by two, with one common margin
    with pytest.raises(InvalidInput, match="must be .png"):
        PhotoSheet(tmp_path / "sheet.pdf")


@pytest.mark.parametrize("option, name, allowed", [("mesh", "m.stl", ".obj, .ply, .glb"), ("overlay", "o.jpg", ".png"),
                                                   ("iuv", "i", ".png"), ("iuv_data", "i.jpg", ".npz or .png"),
                                                   ("correspondence", "c.gif", ".png"), ("camera", "c.yaml", ".json"),
                                                   ("params", "p.pkl", ".npz"), ("skeleton", "s.fbx", ".glb or .bvh")])
def test_an_unknown_extension_is_refused_before_any_work(option, name, allowed):
    with pytest.raises(InvalidInput, match=allowed):
        Outputs(**{option: Path(name)})


def test_a_correspondence_is_refused_before_any_work_of_nets_that_find_none():
    hmr = replace(egg_model(), net=light_hmr())
    with pytest.raises(InvalidInput, match="HMR finds no correspondence"):
        Outputs(correspondence=Path("c.png")).check_model(hmr)
    Outputs(mesh=Path("m.obj")).check_model(hmr)
    Outputs(correspondence=Path("c.png")).check_model(egg_model())


def test_a_run_writes_every_wanted_file_and_reports_it(tmp_path):
    photo = write_readable_photos(tmp_path)["plain"]
    output = Outputs(
        tmp_path / "m.glb", tmp_path / "o.png", correspondence=tmp_path / "i.png", camera=tmp_path / "c.json"
    )
    report, = run_photos([photo], [output], egg_model(), boxes_xywh=[[5, 5, 20, 40], [30, 5, 20, 40]])
    assert report.error is None and report.files == output.files and all(path.stat().st_size for path in output.files)
    figures = report.figures()
    assert [person["box_xywh_px"] for person in figures["people"]] == [[5, 5, 20, 40], [30, 5, 20, 40]]
    assert figures["people"][0]["vertices"] == 162 and figures["people"][0]["score"] == 1 and figures["seconds"] > 0
    with Image.open(output.overlay) as overlay, Image.open(photo) as original:
        assert overlay.size == original.size and not np.array_equal(np.asarray(overlay), np.asarray(original))


def test_what_the_finder_saw_is_drawn_and_saved(tmp_path):
    photo = write_readable_photos(tmp_path)["plain"]
    model = replace(egg_model(), finder=Finder((5, 5, 25, 45), (30, 5, 40, 30)))
    output = Outputs(tmp_path / "m.obj", iuv=tmp_path / "i.png", iuv_data=tmp_path / "i.npz")
    report, = run_photos([photo], [output], model)
    assert report.error is None and report.files == output.files
    assert [person["score"] for person in report.figures()["people"]] == [0.9, 0.8]
    saved = load_iuv(output.iuv_data)
    assert saved.photo.person.unique().tolist() == [0, 1, 2] and saved.charts == Finder.charts
    as_png = Outputs(iuv_data=tmp_path / "data.png")
    assert next(run_photos([photo], [as_png], model)).error is None
    assert torch.equal(load_iuv_png(as_png.iuv_data)[0], saved.photo.labels)
    with Image.open(output.iuv) as picture, Image.open(photo) as original:
        assert picture.width >= 2 * original.width


def test_parameters_and_skeletons_come_from_meshes_that_have_none(tmp_path):
    photo = write_readable_photos(tmp_path)["plain"]
    model = standing_model(Surface.load())
    output = Outputs(params=tmp_path / "p.npz", skeleton=tmp_path / "s.bvh")
    report, = run_photos([photo], [output], model, boxes_xywh=[[5, 5, 20, 40], [30, 5, 20, 40]])
    assert report.error is None and report.files == [output.params, output.skeleton, tmp_path / "s_2.bvh"]
    with np.load(output.params) as params:
        assert params["body_pose"].shape == (2, 69) and params["mesh_distance_m"].max() < 0.005
        joints_cam = report.people[1].joints_cam.numpy()
        assert np.abs(params["joints_cam"][1] - joints_cam).max() < 0.03  # skeleton against what vertices say
    assert all(path.read_text().startswith("HIERARCHY") for path in report.files[1:])


def test_a_photo_without_people_gives_an_empty_result_and_no_mesh(tmp_path):
    photo = write_readable_photos(tmp_path)["plain"]
    output = Outputs(tmp_path / "m.obj", tmp_path / "o.png", tmp_path / "i.png", tmp_path / "i.npz",
                     tmp_path / "c.png", tmp_path / "c.json", tmp_path / "p.npz", tmp_path / "s.glb")
    report, = run_photos([photo], [output], replace(egg_model(), finder=Finder()))
    assert report.error is None and report.people == [] and report.figures()["people"] == []
    assert report.files == [output.overlay, output.iuv, output.iuv_data, output.correspondence]
    assert all(path.exists() for path in report.files) and not output.mesh.exists() and not output.camera.exists()
    with Image.open(output.overlay) as overlay, Image.open(photo) as original:
        assert np.array_equal(np.asarray(overlay), np.asarray(original))


def test_an_iuv_shows_the_people_in_given_boxes_too(tmp_path):
    photo = write_readable_photos(tmp_path)["plain"]
    output, boxes = Outputs(iuv_data=tmp_path / "i.npz"), [[5, 5, 20, 40]]
    report, = run_photos([photo], [output], replace(egg_model(), finder=Finder()), boxes_xywh=boxes)
    assert report.error is None and [person.box_px.tolist() for person in report.people] == boxes
    assert load_iuv(output.iuv_data).photo.person.unique().tolist() == [0, 1]
    nobody, = run_photos([photo], [output], replace(egg_model(), finder=Finder()), boxes_xywh=[])
    assert nobody.error is None and nobody.people == []


def test_an_iuv_without_a_finder_is_explained(tmp_path):
    photo = write_readable_photos(tmp_path)["plain"]
    report, = run_photos([photo], [Outputs(iuv=tmp_path / "i.png")], egg_model(), boxes_xywh=[[5, 5, 20, 40]])
    assert "needs a model with a person finder" in report.error and not (tmp_path / "i.png").exists()


def test_a_run_goes_on_past_photos_that_cannot_be_read(tmp_path):
    bad = write_unreadable_photos(tmp_path)
    good = write_readable_photos(tmp_path)
    photos = [path for pair in zip(bad.values(), good.values(), strict=False) for path in pair]
    outputs = plan_outputs(photos, Outputs(mesh=tmp_path / "m.obj"))
    reports = list(run_photos(photos, outputs, egg_model()))
    for sentence, path in bad.items():
        report = next(report for report in reports if report.photo == path)
        assert sentence in report.error and report.files == []
    assert [report.error for report in reports if report.photo in good.values()] == [None] * len(bad)
    assert summary(reports) == ("5 of 10 photos done, 5 people; failed: " + ", ".join(map(str, bad.values())))


def test_a_bug_that_one_photo_triggers_does_not_cost_the_others(tmp_path, caplog):
    class FailsOnce(type(egg_model().net)):
        def forward(self, images, iuv=None):
            if not self.crops:
                self.crops.append(images)
                raise RuntimeError("surprise")
            return super().forward(images, iuv)

    model = egg_model()
    model.net.__class__ = FailsOnce
    photo = write_readable_photos(tmp_path)["plain"]
    first, second = run_photos([photo, photo], [Outputs(), Outputs()], model)
    assert first.error == "RuntimeError: surprise" and "Traceback" in caplog.text
    assert second.error is None


def test_a_read_only_or_missing_folder_is_one_photo_s_error(tmp_path):
    photo = write_readable_photos(tmp_path)["plain"]
    report, = run_photos([photo], [Outputs(mesh=tmp_path / "absent" / "m.obj")], egg_model())
    assert "Cannot write" in report.error


def test_the_summary_counts_photos_and_people():
    assert summary([PhotoReport(Path("a.jpg"), 1.0)]) == "1 of 1 photos done, 0 people"
