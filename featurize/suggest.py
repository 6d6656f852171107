"""What messages say: the nearest known name instead of an unknown one, and an error in one line."""

from __future__ import annotations

from collections.abc import Collection, Iterable

__all__ = ["error_words", "first_unknown", "hint"]


def hint(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Return what to write instead of an unknown name, in words.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What could have been written.
    otherwise : str, optional
        What to say if nothing is near; by default the known names, sorted.

    Returns
    -------
    str
        ``did you mean 'hog'?`` or ``known: hog, lbp``.

    Examples
    --------
    >>> hint("hgo", ["hog", "lbp"])
    "did you mean 'hog'?"
    """
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return otherwise if otherwise is not None else f"known: {', '.join(sorted(names))}"


def first_unknown(asked: Iterable[str] | None, known: Collection[str]) -> tuple[str, str] | None:
    """Return the first asked name that is not known, and what to write instead; None if all are."""
    for name in asked or ():
        if name not in known:
            return name, hint(name, known, f"known: {' | '.join(known)}")
    return None


def error_words(error: Exception | str) -> str:
    """Return what went wrong in one line: the error's words, or its name if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
