"""What is searched for on YouTube to fill a category; settings.FETCH_KEYWORDS replaces the words of a category."""

from django.conf import settings

KEYWORDS = {
    "Gravity": ["game glitch floating in the air", "game bug car flies away"],
    "Elasticity": ["game glitch bounces like a trampoline", "game bug launched into the sky"],
    "Friction": ["game glitch sliding uphill", "game bug sliding without friction"],
    "Velocity": ["game glitch too fast", "game bug moving super speed"],
    "Acceleration": ["game glitch sudden speed", "game bug stops instantly"],
    "Reflection": ["game glitch mirror reflection wrong", "game bug no reflection"],
    "Refraction": ["game glitch water refraction", "game bug glass distortion"],
    "Absorption & Transmission": ["game glitch see through wall", "game bug invisible object transparent"],
    "Color": ["game glitch wrong color", "game bug texture color"],
    "Rigidity": ["game glitch clipping through wall", "game bug walks through objects"],
    "Object Shape": ["game glitch stretched model", "game bug deformed car"],
    "Human Body Gesture": ["game glitch ragdoll pose", "game bug twisted body animation"],
}


def words_for(category):
    return settings.FETCH_KEYWORDS.get(category) or KEYWORDS[category]
