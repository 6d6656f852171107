"""The models that ship, by name; light, so that their names are known without what runs them."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)

#: Each model is a folder in here, named after it.
FOLDER = Path(__file__).parent
#: What is taken where no model is given.
DEFAULT = "default"


def shipped_models() -> dict[str, Path]:
    """Return the folders of the models that ship, by name; the default first."""
    found = {path.parent.name: path.parent for path in sorted(FOLDER.glob("*/card.json"))}
    return {name: found[name] for name in sorted(found, key=lambda name: (name != DEFAULT, name))}


def model_folder(model: Path | str | None) -> Path:
    """Return the folder of a model: one of the user's, or one that ships, by its name.

    Parameters
    ----------
    model : Path, str or None
        A folder that ``mueca fit --out`` wrote, or a name of `shipped_models`; the default if None. A folder
        of that name is taken before a model that ships, and the log says so.

    Raises
    ------
    FileNotFoundError
        If nothing is given and no model ships with this version.
    """
    known = shipped_models()
    if model is None and DEFAULT not in known:
        raise FileNotFoundError(
            "no model ships with this version; make one with mueca fit --data fer2013 --backbone hog "
            "--head softmax --out MODEL, and give --model MODEL"
        )
    if model is None:
        return known[DEFAULT]
    from featurize.paths import as_path

    folder = as_path(model, "model")
    if str(folder) not in known:
        return folder
    if folder.is_dir():
        log.warning("the folder %s is used, not the model of that name that ships", folder.resolve())
        return folder
    return known[str(folder)]
