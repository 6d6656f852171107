"""What this machine can do for mueca, what is chosen on it and why, and how to get what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from featurize import weights
from featurize.backbones.extractor import shipped
from featurize.backbones.frame import NeedsKerasError, backend_name, gpus
from featurize.engine import choose, cpu_capabilities
from featurize.store import default_root
from pipelines.utils.provenance import library_versions, machine

#: Instructions that change how fast something here runs, and what for.
INSTRUCTIONS = {
    "avx2": "everything",
    "avx512f": "everything, twice as wide",
    "avx512_vnni": "int8, not used yet",
    "avx512_bf16": "networks in bf16",
    "amx_bf16": "networks in bf16, several times faster again",
}


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    topic : str
    name : str
    state : str
    advice : str
        What to do about it; empty if nothing.
    """

    topic: str
    name: str
    state: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at processor, GPU, engines, data, weights and folders; nothing is downloaded or changed."""
    return [*_processor(), *_networks(), *_compiled(), *_data(), *_weights(), *_folders()]


def as_records(findings: list[Finding]) -> list[dict[str, Any]]:
    """Return the findings as plain records."""
    return [asdict(f) for f in findings]


def _processor() -> list[Finding]:
    flags = cpu_flags()
    found = [Finding("processor", "model", machine())]
    if flags:
        found += [
            Finding("processor", name, f"{'yes' if name in flags else 'no'} ({use})")
            for name, use in INSTRUCTIONS.items()
        ]
    capabilities = ", ".join(sorted(cpu_capabilities() & {"FP32", "FP16", "BF16", "INT8"}))
    return [*found, Finding("processor", "computes in", capabilities or "unknown without openvino")]


def cpu_flags() -> frozenset[str]:
    """Return the processor's flags where the system lists them (Linux)."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), ()))


def _networks() -> list[Finding]:
    try:
        backend = f"{library_versions().get('keras', '?')} on {backend_name()}"
    except NeedsKerasError:
        backend = "not installed: mueca train needs it, predictions do not"
    except ValueError as error:
        return [Finding("networks", "keras", f"cannot run: {error}", "unset KERAS_BACKEND")]
    try:
        found, choice = gpus(), choose()
    except (ValueError, ImportError) as error:
        return [Finding("networks", "keras", f"cannot run: {error}", "pip install 'mueca[train]'")]
    gpu = Finding("networks", "gpu", ", ".join(map(str, found)) if found else "none",
                  "" if found else "an NVIDIA GPU needs: pip install 'mueca[gpu]', "
                  "or KERAS_BACKEND=jax or torch with their own CUDA packages")  # fmt: skip
    advice = "pip install 'mueca[train]'" if "not installed" in backend else ""
    return [
        Finding("networks", "keras", backend, advice),
        gpu,
        Finding("networks", "engine", f"{choice.engine}: {choice.why_engine}",
                "" if importlib.util.find_spec("openvino") else "pip install openvino"),
        Finding("networks", "precision", f"{choice.precision}: {choice.why_precision}"),
    ]  # fmt: skip


def _compiled() -> list[Finding]:
    there = importlib.util.find_spec("numba") is not None
    state = "yes" if there else "no: SVM, forest and kNN cannot be fitted"
    return [Finding("heads", "numba", state, "" if there else "pip install numba")]


def _data() -> list[Finding]:
    from pipelines.datasets import registry

    found = []
    for name, state in registry.list_datasets().items():
        known, _, advice = state.partition("; ")
        found.append(Finding("data", name, known, advice))
    return found


def _weights() -> list[Finding]:
    found = [Finding("weights", p.stem, f"shipped, {p.stat().st_size / 1e6:.1f} MB") for p in shipped()]
    for record in (r for r in weights.listing() if r["state"] != "ships"):
        name, here = record["name"], record["state"] == "here"
        state = f"{record['mb']} MB, SHA-256 {record['sha256'][:16]}..." if here else "missing"
        found.append(Finding("weights", name, state, "" if here else f"mueca weights get {name}"))
    return found


def _folders() -> list[Finding]:
    found = []
    folders = (("cache", default_root(), "MUECA_CACHE"), ("data", weights.folder().parent, "MUECA_DATA"))
    for name, path, variable in folders:
        near = next(p for p in (path, *path.parents) if p.exists())
        free = shutil.disk_usage(near).free / 1e9
        writable = os.access(near, os.W_OK)
        advice = (
            "" if writable and free > 2 else f"set {variable} to a folder with room that you can write to"
        )
        state = f"{path}, {free:,.0f} GB free" + ("" if writable else ", cannot be written")
        found.append(Finding("folders", name, state, advice))
    return found
