"""GlitchWorld: small game-like clips in which at most one physical law breaks, with the truth known. No Django here.

The public names: `catalogue.GLITCHES` and `catalogue.THEMES`, `truth.ClipTruth` and `truth.read_truth`,
`make.make_set`.
"""
