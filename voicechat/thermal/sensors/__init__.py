"""What can tell a temperature, one adapter a file."""
