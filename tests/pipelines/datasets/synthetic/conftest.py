"""Here faces and clips are what is tested: they are drawn each time."""

import pytest

from pipelines.datasets.synthetic import clips, faces

DRAWN = {(faces, "draw_one"): faces.draw_one, (clips, "draw_clip"): clips.draw_clip}


@pytest.fixture(scope="package", autouse=True)
def _drawn_anew(drawn_once):
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), whole in DRAWN.items():
            patch.setattr(module, name, whole)
        yield
