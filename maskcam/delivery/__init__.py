"""From a minute count to the broker."""
