"""From a closed window to the broker."""
