"""Names of markets that exist at the venue and are not traded here.

Source: Hyperliquid documentation, "Asset IDs", and the SDK: builder dexes put their name and a
colon before the coin, spot pairs go by `BASE/QUOTE` or `@index`, outcome coins by `#number`.
"""

from __future__ import annotations

import re


def not_ours(name: str) -> str:
    """Return in words what a name that is no perpetual of the first dex stands for, "" unknown."""
    dex, colon, coin = name.partition(":")
    if colon and dex and coin:
        return (
            f"{name} is a perpetual of the builder dex {dex}; only those of the first dex are ours"
        )
    if re.fullmatch(r"@\d+", name):
        return f"{name} is a spot pair by its index; only perpetuals are traded"
    if re.fullmatch(r"[^/]+/[^/]+", name):
        return f"{name} is a spot pair; only perpetuals are traded"
    if re.fullmatch(r"#\d+", name):
        return f"{name} is an outcome coin, which settles at 0 or 1; only perpetuals are traded"
    return ""
