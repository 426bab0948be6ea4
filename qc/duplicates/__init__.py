"""Clips that show the same: found by their prints, compared frame by frame, ruled on by people, grouped into families."""
