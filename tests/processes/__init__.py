"""All processes of CUX under load, killed one after the other; the engine alone is not a real one."""
