"""Show mesh files in an Open3D window.

    python tools/view.py mesh.obj [another.ply ...]
"""

from __future__ import annotations

from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("meshes", nargs="+", type=Path, metavar="MESH", help=".obj, .ply or .glb")
    options = parser.parse_args(arguments)
    from meshrec.vis.viewer import check_viewer, read_mesh, show_meshes

    meshes = [read_mesh(path) for path in options.meshes]
    check_viewer()
    show_meshes(meshes, title=", ".join(path.name for path in options.meshes))


if __name__ == "__main__":
    raise SystemExit(run_command(main))
