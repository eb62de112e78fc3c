"""Pictures of results: meshes and correspondence over photos, contact sheets, a window."""
