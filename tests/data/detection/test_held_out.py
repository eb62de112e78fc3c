"""The tenth of the photographs that is kept for measuring."""

from meshrec.data.detection.held_out import is_held_out


def test_about_a_tenth_is_held_out_and_always_the_same():
    names = [f"images/coco/val_{number:012d}.webp" for number in range(5000)]
    held_out = [name for name in names if is_held_out(name)]
    assert 450 < len(held_out) < 550
    # Recorded: weights that were trained without these photographs are measured on them.
    assert held_out[:3] == [f"images/coco/val_{number:012d}.webp" for number in (3, 7, 19)]
