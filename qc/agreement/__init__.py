"""How far reviewers agree: the arithmetic, the counting, and the stored reports."""
