"""The wire: messages, audio frames and their codec; pure, so that any transport can carry them."""
