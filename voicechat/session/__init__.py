"""A person's conversation with the server, independent of the socket that carries it."""
