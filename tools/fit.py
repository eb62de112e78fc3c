#!/usr/bin/env python3
"""Fit the body to 2D joints: tools/fit.py photo.jpg --keypoints photo.json --save mesh.obj --overlay overlay.png"""

from __future__ import annotations

import sys

from meshrec.command_line import EXIT_EXPLAINED, EXIT_OK, run_command
from meshrec.fit_job.options import read_options


def main(arguments=None) -> int:
    options = read_options(arguments)
    # Only now, because these import torch and --help should be quick.
    from tqdm import tqdm

    from meshrec.assets import write_json
    from meshrec.demo_job import summary
    from meshrec.fit_job.job import fit_data, measure_synthetic, open_fitter, open_photos

    fitter = open_fitter(options)
    if options.mode != "photos":
        work = fit_data if options.mode == "data" else measure_synthetic
        print(work(options, fitter, lambda batches: tqdm(batches, unit="batch", disable=None)))
        return EXIT_OK
    photos, results = open_photos(options, fitter)
    reports = []
    for report in (progress := tqdm(results, total=len(photos), unit="photo", disable=None)):
        reports.append(report)
        for line in report.lines():
            progress.write(line)
        if report.photo.error is not None:
            progress.write(f"error: {report.photo.error}", file=sys.stderr)
    print(summary([report.photo for report in reports]))
    if options.json is not None:
        write_json([report.figures() for report in reports], options.json)
    return EXIT_EXPLAINED if any(report.photo.error for report in reports) else EXIT_OK


if __name__ == "__main__":
    raise SystemExit(run_command(main))
