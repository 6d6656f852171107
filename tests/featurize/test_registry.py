"""Reading extractor expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize import extractor, list_extractors, parse, with_params
from featurize.registry import split_expression

names = st.sampled_from(["hog", "lbp", "pixels", "landmarks", "dlib-face"])
values = st.one_of(st.integers(-99, 99), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
inside = st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), values, max_size=3)
blanks = st.text(" ", max_size=2)


@given(st.lists(st.tuples(names, inside, blanks), min_size=1, max_size=5))
def test_split_gives_back_the_joined_parts(parts):
    texts = [f"{name}({', '.join(f'{k}={v!r}' for k, v in args.items())})" for name, args, _ in parts]
    spaced = "+".join(blank + text + blank for text, (*_, blank) in zip(texts, parts, strict=True))
    assert split_expression(spaced) == texts


hog_params = st.fixed_dictionaries(
    {}, optional={"cell": st.sampled_from([4, 6, 8, 12]), "bins": st.integers(2, 36), "signed": st.booleans()}
)
lbp_params = st.fixed_dictionaries(
    {}, optional={"radii": st.lists(st.integers(1, 16), min_size=1, max_size=8, unique=True).map(tuple),
                  "grid": st.integers(1, 16), "root": st.booleans()}
)  # fmt: skip


@given(hog_params, lbp_params)
def test_parse_reads_what_as_text_writes(hog, lbp):
    parts = [extractor("hog", **hog), extractor("lbp", **lbp)]
    again = parse("+".join(p.spec.as_text() for p in parts))
    assert [a.spec for a in again] == [p.spec for p in parts]


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        parse(text)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1
        assert str(error).startswith(("cannot read", "unknown extractor", "extractor "))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "cannot read extractor ''"),
        ("hog+", "cannot read extractor 'hog[+]'"),
        ("hog(cell=4", "cannot read extractor"),
        ("hog)(", "cannot read"),
        ("hog(4)", "write them as name=value"),
        ("hog(cell=__import__('os'))", "cannot read the parameters"),
        ("hogg", "did you mean 'hog'"),
        ("hog(cell=7)", "extractor hog: step=1: .*do not fit a window of 48 pixels"),
        ("hog(cell=0)", "extractor hog: cell=0: input should be greater than or equal to 2"),
        ("hog(bins='many')", "extractor hog: bins='many': input should be a valid integer"),
        ("lbp(radii=[1,1])", "radii must differ"),
        ("lbp(radii=[0])", "lie in 1..16 pixels"),
        ("lbp(radii=[])", "at least 1 item"),
        ("pixels(size=3)", "extractor pixels: no parameter 'size'; known: none"),
    ],
)
def test_refusals_say_what_to_do(expression, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse(expression)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "params", "made"),
    [
        ("ucm-f", {"layer": "fc2"}, "ucm-f(layer='fc2')"),
        ("hog+ucm-f", {"layer": "fc2", "engine": "keras"}, "hog+ucm-f(layer='fc2', engine='keras')"),
        ("hog(cell=6)+lbp", {"bins": 7}, "hog(cell=6, bins=7)+lbp"),
        ("ucm-f(layer='fc1') + lbp", {"weights": "a+b("}, "ucm-f(layer='fc1', weights='a+b(')+lbp"),
        ("pixels", {}, "pixels"),
    ],
)  # fmt: skip
def test_parameters_go_to_the_extractors_that_take_them(expression, params, made):
    assert with_params(expression, **params) == made


@given(hog_params)
def test_parameters_given_beside_are_those_given_inside(hog):
    beside = parse(with_params("hog+pixels", **hog))
    assert [b.spec for b in beside] == [extractor("hog", **hog).spec, extractor("pixels").spec]


@pytest.mark.parametrize(
    ("expression", "params", "message"),
    [
        ("hog+lbp", {"layer": "fc2"}, "hog[+]lbp takes no layer"),
        ("ucm-f(layer='fc1')", {"layer": "fc2"}, "has a layer already; give it once"),
        ("hgo", {"layer": "fc2"}, "did you mean 'hog'"),
        ("hog(", {"cell": 6}, "cannot read extractor"),
    ],
)
def test_parameters_that_nothing_takes_are_refused(expression, params, message):
    with pytest.raises(ValueError, match=message):
        with_params(expression, **params)


def test_every_registered_name_is_listed():
    assert {"pixels", "lbp", "hog", "landmarks", "dlib-face"} <= set(list_extractors())
    assert list_extractors() == sorted(list_extractors())
