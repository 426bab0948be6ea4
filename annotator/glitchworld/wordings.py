"""The wordings of all glitches of the catalogue, by name."""

from annotator.glitchworld import wording_kinematics, wording_material, wording_mechanics, wording_optics

WORDINGS = {
    **wording_mechanics.WORDINGS,
    **wording_kinematics.WORDINGS,
    **wording_optics.WORDINGS,
    **wording_material.WORDINGS,
}
