"""Voice activity detectors, one adapter a file; each implements the port `VoiceActivity`."""
