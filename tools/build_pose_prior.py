#!/usr/bin/env python3
"""Fit the pose prior on the recorded poses of a motion pack (about a minute)."""

from __future__ import annotations

from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description=__doc__)
    parser.add_argument("motion_pack", type=Path, help="npz with poses, clip_start, subjects and licences")
    parser.add_argument(
        "--out", type=Path, default=Path("assets/body/pose_prior.npz"), help="file to write (%(default)s)"
    )
    options = parser.parse_args(arguments)

    from meshrec.assets import sha256_of_file
    from meshrec.body.build.pose_prior import build_pose_prior

    prior = build_pose_prior(options.motion_pack)
    prior.save(options.out)
    print(f"{prior.provenance['distinct_poses']} distinct of {prior.provenance['frames']} recorded poses")
    print(prior.hinges.describe())
    print(f"{options.out}: {options.out.stat().st_size / 1e3:.0f} KB, sha256 {sha256_of_file(options.out)}")


if __name__ == "__main__":
    raise SystemExit(run_command(main))
