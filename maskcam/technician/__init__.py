"""Set-up, self-check, aiming and the public sign."""
