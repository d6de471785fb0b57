"""The client in Python that survives lost networks: decisions in pure modules, one Trio shell."""
