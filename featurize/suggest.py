"""What messages say: the nearest known name instead of an unknown one, and an error in one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable

__all__ = ["error_words", "first_unknown", "hint", "os_error_words"]


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


#: What to do about an error of the system.
ADVICE: dict[int, str] = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some of your space and run again",
    errno.EFBIG: "write to another disk, this one takes no file so large",
    errno.EACCES: "give another place, or the right to use this one",
    errno.EPERM: "give another place, or the right to use this one",
    errno.EROFS: "give another place, this disk is read-only",
    errno.EIO: "the disk reports an error: check it, or use another",
    errno.ESTALE: "the disk of another machine went away: connect it again",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a file stands where a folder should: check the path",
    errno.EISDIR: "it is a folder: give a file",
    errno.EEXIST: "something is there already: give another name",
    errno.ENOTEMPTY: "something is there already: give another name",
    errno.ELOOP: "a link leads to itself: remove it",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EMFILE: "too many files are open: raise the limit with ulimit -n",
    errno.ENFILE: "too many files are open on this machine: close some programs",
    errno.EINTR: "run again",
    errno.EAGAIN: "run again",
    errno.ETXTBSY: "another program uses it: end that one",
    errno.EBUSY: "another program uses it: end that one",
    errno.EXDEV: "give a place on the same disk",
    errno.ENOMEM: "not enough memory: end other programs, or use fewer samples",
    errno.ENXIO: "it is no file that can be read: give another",
    errno.EINVAL: "the system does not take that: check the path",
}


def os_error_words(error: OSError) -> str:
    """Return an error of the system in one line: which file, what happened, what to do about it."""
    if error.errno is None:
        return _line(error)
    what = (error.strerror or errno.errorcode.get(error.errno, "error")).lower()
    advice = ADVICE.get(error.errno, "check the path and the disk")
    named = error.filename2 or error.filename
    about = f"{os.fsdecode(named)}: " if isinstance(named, str | bytes | os.PathLike) else ""
    return " ".join(f"{about}{what}; {advice}".split())


def error_words(error: BaseException | str) -> str:
    """Return what went wrong in one line: the error's words, or its name if it has none."""
    if isinstance(error, OSError):
        return os_error_words(error)
    return _line(error)


def _line(error: BaseException | str) -> str:
    return " ".join(str(error).split()) or type(error).__name__
