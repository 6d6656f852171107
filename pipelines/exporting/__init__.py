"""Fitted models as ONNX and OpenVINO files; `pipelines.exporting.export` puts them into a folder."""
