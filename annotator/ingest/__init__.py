"""From a file somebody brought to a clip that plays: keep it, look at it, transcode it, count its frames."""
