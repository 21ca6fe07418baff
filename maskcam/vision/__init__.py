"""What looks at pixels: detector and head motion."""
