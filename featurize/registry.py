"""Name to extractor. Adding one is a file with a class and a line here."""

from __future__ import annotations

import ast
import re
import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from featurize.base import Extractor, expression_of
from featurize.suggest import hint

#: name -> "module:Class"; a module is imported when its extractor is asked for, not before.
EXTRACTORS: dict[str, str] = {
    "pixels": "featurize.handcrafted.pixels:Pixels",
    "lbp": "featurize.handcrafted.lbp:LBP",
    "hog": "featurize.handcrafted.hog:HOG",
    "landmarks": "featurize.handcrafted.landmarks:Landmarks",
    "aligned": "featurize.handcrafted.aligned:Aligned",
    "fisher": "featurize.handcrafted.fisher:Fisher",
    "facemesh": "featurize.handcrafted.facemesh:FaceMesh",
    "dlib-face": "featurize.handcrafted.dlib_face:DlibFace",
    "lbp-top": "featurize.clips.lbp_top:LBPTOP",
    "hog-top": "featurize.clips.hog_top:HOGTOP",
    "flow": "featurize.clips.flow:Flow",
    "pooled": "featurize.clips.pooled:Pooled",
    "flow-pixels": "featurize.clips.maps:MapPixels",
    "flow-field": "featurize.clips.maps:MapField",
    "flow-hoof": "featurize.clips.maps:MapHOOF",
    "flow-hog": "featurize.clips.maps:MapHOG",
    "flow-residual": "featurize.clips.residual:MapResidual",
    "ststnet": "featurize.clips.ststnet:STSTNet",
    "stcnn-casme2": "featurize.clips.stcnn:StcnnCasme2",
    "stcnn-smic": "featurize.clips.stcnn:StcnnSmic",
    "rotation3d-casme2": "featurize.clips.stcnn:Rotation3dCasme2",
    "rotation3d-smic": "featurize.clips.stcnn:Rotation3dSmic",
    "rotation3d-350": "featurize.clips.stcnn:Rotation3d350",
    "cnn-lstm-casme2": "featurize.clips.cnn_lstm:CnnLstmCasme2",
    "cnn-lstm-smic": "featurize.clips.cnn_lstm:CnnLstmSmic",
    "ucm-a": "featurize.backbones.ucm:UcmA",
    "ucm-b": "featurize.backbones.ucm:UcmB",
    "ucm-c": "featurize.backbones.ucm:UcmC",
    "ucm-d": "featurize.backbones.ucm:UcmD",
    "ucm-e": "featurize.backbones.ucm:UcmE",
    "ucm-f": "featurize.backbones.ucm:UcmF",
    "ucm-g": "featurize.backbones.ucm:UcmG",
    "guevara": "featurize.backbones.guevara:Guevara",
    "huamanga": "featurize.backbones.huamanga:Huamanga",
    "ipn-cnn1": "featurize.backbones.ipn:IpnCnn1",
    "ipn-cnn2": "featurize.backbones.ipn:IpnCnn2",
    "own-small": "featurize.backbones.own_small:OwnSmall",
    "own-large": "featurize.backbones.own_small:OwnLarge",
    "resnet18": "featurize.backbones.ipn:ResNet18",
    "vggface2": "featurize.backbones.resnet50_vggface2:VggFace2",
    "vggface2-mobilenet": "featurize.backbones.mobilenet_vggface2:VggFace2MobileNet",
}

_PART = re.compile(r"\s*([A-Za-z][\w.-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)


#: Extractors that `register_extractor` was given.
_REGISTERED: dict[str, type[Extractor]] = {}


def register_extractor(made: type[Extractor], name: str | None = None) -> type[Extractor]:
    """Make an extractor from outside known by its name, for this process; also a decorator.

    Parameters
    ----------
    made : subclass of featurize.base.Extractor
    name : str, optional
        By default its own `name`.

    Returns
    -------
    made

    Raises
    ------
    TypeError
        If it is no such class.
    ValueError
        If the name belongs to an extractor of mueca, or cannot stand in an expression.
    """
    if not (isinstance(made, type) and issubclass(made, Extractor)):
        raise TypeError(f"{made!r:.60} is no extractor; give a subclass of mueca.BaseExtractor")
    known = name or getattr(made, "name", "")
    if not known or _PART.fullmatch(known) is None or "(" in known:
        raise ValueError(f"extractor {known!r}: give it a name of letters, digits and hyphens")
    if known in EXTRACTORS:
        raise ValueError(f"extractor {known!r} belongs to mueca; register yours under another name")
    _REGISTERED[known] = made
    return made


@cache
def _installed() -> dict[str, Any]:
    """Return the entry points of installed packages in the group ``mueca.extractors``, by name."""
    return {point.name: point for point in entry_points(group="mueca.extractors")}


def list_extractors() -> list[str]:
    """Return the names, sorted: those of mueca, of installed packages and of `register_extractor`."""
    return sorted({*EXTRACTORS, *_installed(), *_REGISTERED})


def extractor(name: str, **params: Any) -> Extractor:
    """Build the extractor registered as `name`.

    Parameters
    ----------
    name : str
        One of `list_extractors()`.
    **params
        Its parameters; see ``mueca list``.

    Raises
    ------
    ValueError
        If the name is unknown (the message suggests the nearest) or a parameter is wrong.
    """
    return extractor_class(name)(**params)


def extractor_class(name: str) -> type[Extractor]:
    """Return the class registered as `name`; raises as `extractor`."""
    if name not in EXTRACTORS and name not in _REGISTERED and name in _installed():
        register_extractor(_installed()[name].load(), name)
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name not in EXTRACTORS:
        raise ValueError(f"unknown extractor {name!r}; {hint(name, list_extractors())}")
    module, _, attribute = EXTRACTORS[name].partition(":")
    found: type[Extractor] = getattr(import_module(module), attribute)
    return found


def parse(expression: str) -> list[Extractor]:
    """Build the extractors of an expression such as ``hog(cell=6)+lbp+landmarks``.

    Raises
    ------
    ValueError
        If the expression cannot be read, or names an unknown extractor or parameter.
    """
    return [_parse_one(part) for part in split_expression(expression)]


def check_expression(expression: Any) -> None:
    """Raise a `ValueError` if an extractor expression is no text."""
    if not isinstance(expression, str):
        raise ValueError(
            f"extractor {expression!r:.60}: give a text such as 'hog', 'hog+lbp' or 'hog(cell=6)'"
        )


def split_expression(expression: str) -> list[str]:
    """Split an expression at the plus signs that stand outside parentheses."""
    check_expression(expression)
    parts, depth, start = [], 0, 0
    for i, char in enumerate(expression):
        depth += (char == "(") - (char == ")")
        if char == "+" and depth == 0:
            parts.append(expression[start:i])
            start = i + 1
    parts.append(expression[start:])
    if depth != 0 or not all(p.strip() for p in parts):
        raise ValueError(f"cannot read extractor {expression!r}; write it as hog, hog+lbp or hog(cell=6)+lbp")
    return [p.strip() for p in parts]


def with_params(expression: str, **params: Any) -> str:
    """Give parameters to every extractor of an expression that takes them.

    Parameters
    ----------
    expression : str
        Such as ``hog+ucm-f``.
    **params
        Such as ``layer="fc2"``, which networks take and `hog` does not.

    Returns
    -------
    str
        ``hog+ucm-f(layer='fc2')``; what takes none of them stays as it is.

    Raises
    ------
    ValueError
        If the expression cannot be read, none of its extractors takes a parameter, or one has it already.
    """
    parts = [_read(part) for part in split_expression(expression)]
    takes = [set(extractor_class(name).Params.model_fields) for name, _ in parts]
    for param in params:
        if not any(param in known for known in takes):
            raise ValueError(f"{expression} takes no {param}; what each extractor takes: mueca list")
        if any(param in inside for _, inside in parts):
            raise ValueError(f"{expression} has a {param} already; give it once")
    given = [{k: v for k, v in params.items() if k in known} for known in takes]
    return "+".join(
        expression_of(name, inside | more) for (name, inside), more in zip(parts, given, strict=True)
    )


def _parse_one(text: str) -> Extractor:
    name, params = _read(text)
    return extractor(name, **params)


def _read(text: str) -> tuple[str, dict[str, Any]]:
    match = _PART.fullmatch(text)
    if match is None:
        raise ValueError(f"cannot read extractor {text!r}; write it as hog or hog(cell=6)")
    name, inside = match.groups()
    return name, keywords(inside or "", text)


def keywords(inside: str, text: str) -> dict[str, Any]:
    """Read ``a=1, b="x"`` as keyword arguments; literals only, nothing is evaluated.

    Raises
    ------
    ValueError
        If they cannot be read; the message names `text`, of which they are part.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\\d", which is meant as it stands
            call = ast.parse(f"f({inside})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or any(k.arg is None for k in call.keywords):
            raise ValueError
        return {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError):
        raise ValueError(f"cannot read the parameters of {text!r}; write them as name=value") from None
