"""Where the network meets the sessions: one port, sockets, and the rules of who may come in."""
