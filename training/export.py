"""Turns trained weights into models/maskcam.tflite: int8, with the post-process operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import flatbuffers
import numpy as np
import tensorflow as tf
from flatbuffers import flexbuffers
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema

from training import cells
from training.description import write_model
from training.network import build
from training.pictures import load_coco
from training.settings import Settings
from training.validation import letterbox

LABELS = ("face",)
_POST_PROCESS = "TFLite_Detection_PostProcess"


def export(data: Path, settings: Settings, weights: Path, models: Path) -> Path:
    """Writes maskcam.tflite and maskcam.json (labels, input, threshold, SHA-256) to `models`."""
    height, width = settings.input
    model = build(height=height, width=width, batch=1)
    model.load_weights(str(weights))
    seen = calibration(data, settings, height=height, width=width)
    content = to_int8(model, seen, output=tf.float32)
    content = add_post_process(content, settings, height=height, width=width)
    facts = {
        "labels": list(LABELS),
        "input": [height, width],
        "score_threshold": settings.export.score_threshold,
    }
    return write_model(models, "maskcam.tflite", content, facts)


def calibration(
    data: Path, settings: Settings, *, height: int, width: int
) -> list[NDArray[np.uint8]]:
    """Returns training pictures (H, W, 3), letterboxed as on a unit."""
    pictures = [
        *load_coco(data / "masks/train.json", data / "masks/images", every=10),
        *load_coco(data / "people/train.json", data / "people/images", every=6),
        *load_coco(data / "faces/train.json", data / "faces/images", every=10),
    ]
    order = np.random.default_rng(settings.seed).permutation(len(pictures))
    chosen = order[: settings.export.calibration_pictures]
    return [letterbox(pictures[index].rgb, height, width)[0] for index in chosen]


def to_int8(
    model: tf.keras.Model, pictures: Iterable[NDArray[np.uint8]], *, output: tf.DType
) -> bytes:
    """Returns a network of one picture as int8 TFLite: uint8 in, outputs of the type `output`.

    pictures: (H, W, 3), what the ranges of the values are measured on.
    """

    def examples() -> Iterator[list[NDArray[np.float32]]]:
        for picture in pictures:
            scaled = (picture[None].astype(np.float32) - 127.5) / 127.5
            # Black and white in a corner, so that the input's scale is just that of a byte.
            scaled[:, 0, 0], scaled[:, 0, 1] = -1, 1
            yield [scaled]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.uint8, output
    content: bytes = converter.convert()
    return content


def add_post_process(content: bytes, settings: Settings, *, height: int, width: int) -> bytes:
    """Appends TFLite_Detection_PostProcess with its outputs in the order pycoral expects.

    The converter's own route gives them in another order, so the file is edited itself.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    graph = model.subgraphs[0]
    by_width = {graph.tensors[i].shape[-1]: i for i in graph.outputs}
    codes, scores = by_width[4], by_width[len(LABELS)]
    anchors = _add_tensor(model, "anchors", cells.anchors(height, width))
    most = settings.export.max_detections
    shapes = ((1, most, 4), (1, most), (1, most), (1,))
    outputs = [
        _add_tensor(model, _POST_PROCESS + (f":{k}" if k else ""), None, shape)
        for k, shape in enumerate(shapes)
    ]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = _POST_PROCESS
    code.version = 1
    model.operatorCodes.append(code)
    step = schema.OperatorT()
    step.opcodeIndex = len(model.operatorCodes) - 1
    step.inputs, step.outputs = [codes, scores, anchors], outputs
    step.customOptions = list(_options(settings))
    step.customOptionsFormat = schema.CustomOptionsFormat.FLEXBUFFERS
    graph.operators.append(step)
    graph.outputs = outputs
    model.signatureDefs = None  # it names the outputs of before
    model.description = "maskcam: faces, masked and unmasked"
    builder = flatbuffers.Builder(len(content) + 200_000)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _add_tensor(
    model: schema.ModelT,
    name: str,
    value: NDArray[np.float32] | None,
    shape: tuple[int, ...] | None = None,
) -> int:
    buffer = schema.BufferT()
    if value is not None:
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.name, tensor.type = name, schema.TensorType.FLOAT32
    tensor.shape = list(value.shape if value is not None else shape or ())
    tensor.buffer = len(model.buffers) - 1
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def _options(settings: Settings) -> bytes:
    builder = flexbuffers.Builder()
    with builder.Map():
        builder.Int("max_detections", settings.export.max_detections)
        builder.Int("max_classes_per_detection", 1)
        builder.Int("detections_per_class", settings.export.max_detections)
        builder.Bool("use_regular_nms", False)
        builder.Float("nms_score_threshold", settings.export.nms_score_threshold)
        builder.Float("nms_iou_threshold", settings.export.nms_iou_threshold)
        builder.Int("num_classes", len(LABELS))
        builder.Float("y_scale", cells.XY_SCALE)
        builder.Float("x_scale", cells.XY_SCALE)
        builder.Float("h_scale", cells.WH_SCALE)
        builder.Float("w_scale", cells.WH_SCALE)
    return bytes(builder.Finish())
