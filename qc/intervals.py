"""How sure a share is."""

import math

Z_95 = 1.959963984540054


def wilson(right, total, z=Z_95):
    """(low, high) of the Wilson score interval of `right` out of `total`, 95 % unless told; None of nothing.

    Both may be fractions: shares of an answer, and questions that count for less because they are alike.

    E. B. Wilson, JASA 22 (1927), 209-212.
    """
    if not total:
        return None
    share, spread = right / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
