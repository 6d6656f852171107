"""Fitted models as ONNX and OpenVINO files; `pipelines.export` puts them into a folder."""
