"""Everything that hears and speaks: ports, audio plumbing, and one adapter a file."""
