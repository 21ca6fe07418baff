"""Makes data/tf2_export_*.tflite with TensorFlow's own converter.

Run it with the `train` extra: python tests/vision/make_tf2_export.py

It takes the steps of the exporter of TensorFlow 2's SSD detectors: a function that
"implements" the post-process op, which the converter then puts in. The outputs so
come in another order, with other names, and the scores have a column for the
background. The network is that of `tiny_model`: a cell's mean colour is its scores.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

_CELLS = 4
_POST_PROCESS = " ".join(
    [
        'name: "TFLite_Detection_PostProcess"',
        'attr { key: "max_detections" value { i: 10 } }',
        'attr { key: "max_classes_per_detection" value { i: 1 } }',
        'attr { key: "use_regular_nms" value { b: false } }',
        'attr { key: "nms_score_threshold" value { f: 0.1 } }',
        'attr { key: "nms_iou_threshold" value { f: 0.5 } }',
        'attr { key: "y_scale" value { f: 10.0 } }',
        'attr { key: "x_scale" value { f: 10.0 } }',
        'attr { key: "h_scale" value { f: 5.0 } }',
        'attr { key: "w_scale" value { f: 5.0 } }',
        'attr { key: "num_classes" value { i: 3 } }',
    ]
)


def anchors() -> np.ndarray:
    y, x = np.meshgrid(np.arange(_CELLS), np.arange(_CELLS), indexing="ij")
    centres = (np.stack([y, x], axis=-1).reshape(-1, 2) + 0.5) / _CELLS
    return np.concatenate([centres, np.full_like(centres, 1 / _CELLS)], axis=1).astype(np.float32)


@tf.function(experimental_implements=_POST_PROCESS)
def post_process(boxes, scores, anchors):
    return tf.zeros((1, 10, 4)), tf.zeros((1, 10)), tf.zeros((1, 10)), tf.zeros((1,))


class Detector(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3), tf.float32)])
    def detect(self, image):
        means = tf.nn.avg_pool2d((image + 1) / 2, 32 // _CELLS, 32 // _CELLS, "VALID")
        scores = tf.reshape(means, (1, _CELLS**2, 3))
        background = 1 - tf.reduce_max(scores, axis=-1, keepdims=True)
        # A constant would be folded away from the op's inputs, so this depends on the image.
        encodings = tf.tile(background * 0, (1, 1, 4))
        boxes, classes, best, count = post_process(
            encodings, tf.concat([background, scores], axis=-1), tf.constant(anchors())
        )
        return {"output_0": count, "output_1": best, "output_2": classes, "output_3": boxes}


def images():
    random = np.random.default_rng(0)
    for _ in range(50):
        yield [random.uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)]


def main() -> None:
    module = Detector()
    function = module.detect.get_concrete_function()
    for kind in ("float32", "uint8"):
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
        converter.allow_custom_ops = True
        if kind != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = images
            converter.inference_input_type = getattr(tf, kind)
        path = Path(__file__).parent / "data" / f"tf2_export_{kind}.tflite"
        path.write_bytes(converter.convert())


if __name__ == "__main__":
    main()
