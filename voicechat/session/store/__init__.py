"""What is kept of sessions when they end, and when the server does."""
