"""What thinks: the port of an agent, and one package or file for each adapter."""
