"""What `manage.py seed_demo` fills a new Studio with: people, GlitchWorld's clips, and two weeks of work on them."""

TRAINING_CLIPS = 3  # beside the others; in the last one nothing breaks
