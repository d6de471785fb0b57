"""From settings to objects: the only package that knows which adapter is behind which port."""
