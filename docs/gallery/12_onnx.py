"""
Export, and run with ONNX Runtime alone
=======================================

``export`` writes a network and its head as ONNX files, with a script beside them that needs NumPy, Pillow
and ONNX Runtime, and nothing of mueca. The labels are the same.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import mueca

folder = Path(tempfile.mkdtemp())
model, _ = mueca.fit("synthetic(n_per_class=30)", backbone="own-small", head="softmax", out=folder / "model")
mueca.export(folder / "model", folder / "exported", formats=["onnx"])
print(sorted(path.name for path in (folder / "exported").iterdir()))

# %%
# Another process runs the exported files on six faces, without importing mueca.

faces = mueca.load_dataset("synthetic(n_per_class=30)")
chosen = [int(i) for i in range(0, len(faces), len(faces) // 6)][:6]
files = [str(folder / f"{i}.png") for i in chosen]
for i, file in zip(chosen, files, strict=True):
    Image.fromarray(faces.samples[i]).save(file)
ran = subprocess.run(
    [sys.executable, "predict.py", *files],
    cwd=folder / "exported",
    capture_output=True,
    text=True,
    check=True,
)
print(ran.stdout)

# %%
# Each face with the label of the exported model.

import matplotlib.pyplot as plt

labels = model.predict([faces.samples[i] for i in chosen])
figure, axes = plt.subplots(1, 6, figsize=(9, 2))
for ax, i, label in zip(axes, chosen, labels, strict=True):
    assert label in ran.stdout
    ax.imshow(faces.samples[i], cmap="gray")
    ax.set_title(label, fontsize=9)
    ax.axis("off")
plt.tight_layout()
plt.show()
