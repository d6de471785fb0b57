"""One conversation: who has the floor, when a turn ends, and what is said in it."""
