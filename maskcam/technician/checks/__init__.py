"""The single checks of `maskcam check`: each looks at one thing and says what to do."""
