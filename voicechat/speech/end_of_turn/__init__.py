"""Models that hear whether a speaker has finished, one adapter a file, all of them optional."""
