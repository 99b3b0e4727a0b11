"""The arithmetic units of a datapath: configuration and normative meaning, one unit a file."""
