import time
from pathlib import Path

import numpy as np
import pytest

from maskcam.errors import ModelError
from maskcam.records import Frame, MaskState
from maskcam.vision.detector import Detector
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.labels import mask_states
from maskcam.vision.model_files import describe
from maskcam.vision.models import second_look_of
from maskcam.vision.second_look import SecondLook
from tests.vision.tiny_model import OUTPUT_NAMES, TinyModel, identity_model, mean_model

LABELS = ["with_mask", "without_mask", "mask_worn_incorrectly"]
TINY = TinyModel()
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def make(tmp_path):
    def make(model=TINY, *, labels=LABELS, threshold=0.6, **options):
        path = tmp_path / "tiny.tflite"
        path.write_bytes(model if isinstance(model, bytes) else model.build())
        return Detector(
            Interpreter(path, threads=1),
            labels=labels,
            score_threshold=threshold,
            **options,
        )

    return make


def picture(size, *patches, frame_size=(32, 32)):
    """Returns a frame whose small picture, black, has (x0, y0, x1, y1, colour) patches."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for x0, y0, x1, y1, colour in patches:
        image[y0:y1, x0:x1] = colour
    return Frame(0.0, np.zeros(frame_size[::-1], np.uint8), image)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_finds_each_class_where_it_is_for_every_kind_of_input(make, dtype):
    frame = picture((32, 32), (0, 0, 8, 8, RED), (16, 8, 24, 16, GREEN), (8, 24, 16, 32, BLUE))
    # The float input is -1..1, so black gives scores of -1 and not 0.
    found = make(TinyModel(input_dtype=dtype)).detect(frame)
    assert {(tuple(round(edge) for edge in face.box), face.state) for face in found} == {
        ((0, 0, 8, 8), MaskState.WITH_MASK),
        ((16, 8, 24, 16), MaskState.WITHOUT_MASK),
        ((8, 24, 16, 32), MaskState.INCORRECT),
    }
    assert all(face.score == pytest.approx(1, abs=0.01) for face in found)


@pytest.mark.parametrize(
    ("size", "frame_size", "patch", "expected"),
    [
        # Landscape that just fits: bars above and below, 1280x720 frame.
        ((32, 18), (1280, 720), (8, 1, 16, 9), (320, 40, 640, 360)),
        # Portrait: bars left and right.
        ((18, 32), (180, 320), (1, 8, 9, 16), (10, 80, 90, 160)),
        # Larger than the input: scaled down to fit.
        ((64, 36), (640, 360), (16, 2, 32, 18), (160, 20, 320, 180)),
        # Smaller: scaled up.
        ((16, 8), (160, 80), (4, 0, 8, 4), (40, 0, 80, 40)),
    ],
)
def test_boxes_come_back_in_pixels_of_the_frame(make, size, frame_size, patch, expected):
    (face,) = make().detect(picture(size, (*patch, RED), frame_size=frame_size))
    assert face.box == pytest.approx(expected, abs=0.01)


def test_boxes_are_cut_at_the_edges_of_the_frame(make):
    detector = make(TinyModel(cell_size=2.0))
    (face,) = detector.detect(picture((32, 32), (0, 0, 8, 8, RED), frame_size=(320, 320)))
    assert face.box == pytest.approx((0, 0, 120, 120))


def test_bars_are_grey_again_when_the_shape_changes(make):
    detector = make()
    detector.detect(picture((32, 32), (0, 0, 32, 32, RED)))
    assert detector.detect(picture((32, 16))) == []


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ((0, 1, 2, 3), OUTPUT_NAMES),
        ((3, 2, 1, 0), OUTPUT_NAMES),
        ((2, 0, 3, 1), [f"StatefulPartitionedCall:{i}" for i in range(4)]),
        ((1, 3, 0, 2), ["", "", "", ""]),
    ],
)
def test_outputs_may_come_in_any_order_with_any_name(make, order, names):
    model = TinyModel(output_order=order, output_names=tuple(names))
    (face,) = make(model).detect(picture((32, 32), (16, 8, 24, 16, BLUE)))
    assert face.state is MaskState.INCORRECT
    assert face.box == pytest.approx((16, 8, 24, 16))


@pytest.mark.parametrize(
    ("names", "works"),
    [
        (OUTPUT_NAMES, True),
        (("boxes", "detection_classes", "detection_scores", "number"), True),
        (("a", "b", "c", "d"), False),
    ],
)
def test_shapes_and_names_decide_where_the_runtime_hides_the_operators(
    make, monkeypatch, names, works
):
    monkeypatch.setattr(Interpreter, "operators", lambda self: ())
    model = TinyModel(output_names=names, output_order=(2, 3, 1, 0))
    if works:
        (face,) = make(model).detect(picture((32, 32), (16, 8, 24, 16, BLUE)))
        assert face.state is MaskState.INCORRECT
    else:
        with pytest.raises(ModelError, match="a detector gives boxes"):
            make(model)


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_models_from_tensorflows_own_exporter_run(make, kind):
    """See make_tf2_export.py: scores come first, class 0 of the scores is the background."""
    model = (Path(__file__).parent / "data" / f"tf2_export_{kind}.tflite").read_bytes()
    frame = picture((32, 32), (0, 0, 8, 8, RED), (16, 8, 24, 16, GREEN), (8, 24, 16, 32, BLUE))
    detector = make(model)
    assert [tensor.shape for tensor in detector._interpreter.outputs] == [
        (1, 10),
        (1, 10, 4),
        (1,),
        (1, 10),
    ]
    assert {
        (face.state, tuple(round(edge) for edge in face.box)) for face in detector.detect(frame)
    } == {
        (MaskState.WITH_MASK, (0, 0, 8, 8)),
        (MaskState.WITHOUT_MASK, (16, 8, 24, 16)),
        (MaskState.INCORRECT, (8, 24, 16, 32)),
    }


def test_low_scores_are_dropped_and_the_best_comes_first(make):
    frame = picture(
        (32, 32),
        (0, 0, 8, 8, (100, 0, 0)),
        (8, 8, 16, 16, (180, 0, 0)),
        (16, 16, 24, 24, (0, 250, 0)),
    )
    found = make(threshold=0.5).detect(frame)
    assert [round(face.score, 2) for face in found] == [0.98, 0.71]


def test_one_face_with_two_classes_is_found_once(make):
    """A model with one NMS for each class gives one face as two detections."""
    detector = make(TinyModel(regular_nms=True), threshold=0.4)
    (face,) = detector.detect(picture((32, 32), (8, 8, 16, 16, (200, 120, 0))))
    assert (face.state, round(face.score, 2)) == (MaskState.WITH_MASK, 0.78)
    assert len(detector.detect(picture((32, 32), (0, 0, 8, 8, RED), (8, 0, 16, 8, GREEN)))) == 2


@pytest.mark.parametrize(("share", "faces"), [(0.45, 1), (0.55, 2)])
def test_boxes_that_share_more_than_the_limit_are_one_face(make, share, faces):
    """Boxes of twice the cells' size, on neighbouring cells: half of each lies in the other."""
    detector = make(TinyModel(cell_size=2.0), same_face_share=share)
    frame = picture((32, 32), (8, 8, 16, 16, RED), (16, 8, 24, 16, GREEN))
    assert len(detector.detect(frame)) == faces


def test_an_empty_picture_has_no_faces(make):
    assert make().detect(picture((32, 18))) == []


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
def test_nothing_of_the_last_frame_is_held_once_it_is_forgotten(make, dtype):
    detector = make(TinyModel(input_dtype=dtype))
    network, frame = detector._interpreter, picture((32, 32), (0, 0, 8, 8, RED))
    assert detector.detect(frame)
    held = [detector._picture, detector._quantized, network.read(network.inputs[0])]
    assert len(np.unique(held[0])) > 1
    detector.forget()
    held[2] = network.read(network.inputs[0])
    assert len(np.unique(held[0])) == len(np.unique(held[2])) == 1
    assert dtype == "uint8" or len(np.unique(held[1])) == 1  # else never used
    assert detector.detect(frame)


def test_the_second_look_forgets_with_the_detector(make, tmp_path):
    path = tmp_path / "mean.tflite"
    path.write_bytes(mean_model(28))
    again = SecondLook(Interpreter(path, threads=1), labels=("no_face", "with_mask", "incorrect"))
    detector, network = make(second_look=again), again._interpreter
    detector.detect(picture((32, 32), (0, 0, 8, 8, RED)))
    assert network.read(network.inputs[0]).any()
    detector.forget()
    assert not network.read(network.inputs[0]).any()


def test_what_lies_behind_the_count_is_not_read(make):
    """The op leaves uninitialised memory there, which may look like a good score."""
    detector = make(threshold=0.05)
    detector.detect(picture((32, 32), *[(8 * i, 0, 8 * i + 8, 8, RED) for i in range(4)]))
    assert len(detector.detect(picture((32, 32), (0, 0, 8, 8, RED)))) == 1


@pytest.mark.parametrize(
    ("label", "state"),
    [
        ("with_mask", MaskState.WITH_MASK),
        ("mask", MaskState.WITH_MASK),
        ("Without Mask", MaskState.WITHOUT_MASK),
        ("no-mask", MaskState.WITHOUT_MASK),
        ("mask_worn_incorrectly", MaskState.INCORRECT),
        ("incorrect", MaskState.INCORRECT),
        ("background", None),
    ],
)
def test_labels_are_known_by_name(label, state):
    assert mask_states([label]) == [state]


def test_an_unknown_label_is_an_error():
    with pytest.raises(ModelError, match='label "cat" has no known meaning; use with_mask'):
        mask_states(["with_mask", "cat"])


@pytest.mark.parametrize("labels", [LABELS[:1], [*LABELS, "mask"]])
def test_the_number_of_labels_must_fit_the_model(make, labels):
    with pytest.raises(ModelError, match=r"has 3 classes, but there are \d labels"):
        make(labels=labels)


def test_a_class_without_a_label_is_an_error(make):
    detector = make(labels=LABELS[:2])  # as if one of the columns were the background
    with pytest.raises(ModelError, match="gives class 2, but there are 2 labels"):
        detector.detect(picture((32, 32), (0, 0, 8, 8, BLUE)))


def test_a_background_class_is_no_face(make):
    detector = make(labels=["background", "with_mask", "without_mask"])
    frame = picture((32, 32), (0, 0, 8, 8, RED), (16, 8, 24, 16, GREEN))
    (face,) = detector.detect(frame)
    assert face.state is MaskState.WITH_MASK


def test_a_model_that_is_no_detector_is_an_error(make):
    with pytest.raises(ModelError, match="a detector gives boxes"):
        make(identity_model())


def test_a_model_of_something_else_than_a_picture_is_an_error(make):
    with pytest.raises(ModelError, match="a detector takes one image"):
        make(identity_model((1, 8, 8, 1)))


def test_what_is_not_inference_costs_little(make):
    """On an empty street everything but `invoke` may cost 0.3 times a 3.5 ms inference."""
    model = TinyModel(input_shape=(1, 320, 320, 3), input_dtype="int8", max_detections=50)
    detector = make(model)
    frame = picture((320, 180), frame_size=(1280, 720))
    assert detector.detect(frame) == []  # before it, the outputs hold anything
    detector._interpreter.invoke = lambda: None
    best = min(_seconds(lambda: detector.detect(frame), 20) for _ in range(10))
    assert best < 0.3e-3


def _seconds(call, times):
    begin = time.thread_time()  # what other programs do meanwhile does not count
    for _ in range(times):
        call()
    return (time.thread_time() - begin) / times


def test_the_model_that_comes_with_maskcam_runs():
    description = describe()
    interpreter = Interpreter(description.file, threads=1, sha256=description.sha256)
    detector = Detector(
        interpreter,
        labels=description.labels,
        score_threshold=description.score_threshold,
        second_look=second_look_of(description),
    )
    assert detector.detect(picture(detector.input_size, frame_size=(1280, 720))) == []
