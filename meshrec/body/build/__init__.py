"""The free default body: the steps that derive it from MakeHuman's mesh, used by ``tools/build_body.py`` only."""
