"""What the network is punished for.

Scores: quality focal loss (Li et al., Generalized Focal Loss, NeurIPS 2020): the wanted score of
a cell grows with the overlap (IoU) of its box, so that the best-placed cell ranks first.
Boxes: generalised IoU (Rezatofighi et al., CVPR 2019) and a small absolute error of the codes.
Cells that no label speaks for, around faces and in regions to ignore, keep what the teacher, the
network as it was before the training, says of the same picture (Li, Hoiem, "Learning without
forgetting", ECCV 2016).
"""

from __future__ import annotations

import tensorflow as tf

from training import cells


def loss(
    codes: tf.Tensor,
    scores: tf.Tensor,
    *,
    target: tf.Tensor,
    kinds: tf.Tensor,
    weights: tf.Tensor,
    anchor_px: tf.Tensor,
    class_weights: tuple[float, float, float],
    teacher: tuple[tf.Tensor, tf.Tensor],
    anchoring: float,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the score loss and the box loss of a batch.

    codes (B, N, 4), scores (B, N, 1); target, kinds, weights as cells.assign gives them;
    anchor_px (N, 4) y x h w px; class_weights: how much a face of each state counts;
    teacher: its codes and scores of the same pictures; anchoring: how much a cell counts that
    no label speaks for.
    """
    face = tf.cast(kinds >= 0, tf.float32)
    iou, giou = _overlaps(_decoded(codes, anchor_px), target)
    wished = tf.clip_by_value(_encoded(target, anchor_px), 0.0, 6.0)
    code_error = tf.reduce_mean(tf.abs(codes - wished), -1)

    unlabelled = tf.cast(kinds == -2, tf.float32)
    teacher_codes, teacher_scores = teacher[0], teacher[1][..., 0]
    wish = tf.stop_gradient(tf.sqrt(iou)) * face + teacher_scores * unlabelled
    clipped = tf.clip_by_value(scores[..., 0], 1e-5, 1 - 1e-5)
    entropy = -(wish * tf.math.log(clipped) + (1 - wish) * tf.math.log(1 - clipped))
    focus = tf.square(wish - scores[..., 0])
    of_kind = tf.constant([1.0, *class_weights])  # nothing here, then the states
    share = tf.gather(of_kind, tf.maximum(tf.cast(kinds, tf.int32), -1) + 1)
    faces = tf.maximum(tf.reduce_sum(face), 1.0)
    counts = share * (1 + (anchoring - 1) * unlabelled)
    score_loss = tf.reduce_sum(entropy * focus * counts) / faces
    drift = tf.reduce_mean(tf.abs(codes - teacher_codes), -1) * teacher_scores
    box_loss = weights * face * ((1 - giou) + 0.3 * code_error)
    box_loss = tf.reduce_sum(box_loss + 0.3 * anchoring * unlabelled * drift) / faces
    return score_loss, box_loss


def _decoded(codes: tf.Tensor, anchor_px: tf.Tensor) -> tf.Tensor:
    """Returns boxes (B, N, 4) y0 x0 y1 x1 px."""
    centre = codes[..., :2] / cells.XY_SCALE * anchor_px[:, 2:] + anchor_px[:, :2]
    half = tf.exp(codes[..., 2:] / cells.WH_SCALE) * anchor_px[:, 2:] / 2
    return tf.concat([centre - half, centre + half], -1)


def _encoded(target: tf.Tensor, anchor_px: tf.Tensor) -> tf.Tensor:
    """Returns the codes of boxes x0 y0 x1 y1 px."""
    x0, y0, x1, y1 = tf.unstack(target, axis=-1)
    centre = tf.stack([(y0 + y1) / 2, (x0 + x1) / 2], -1)
    size = tf.maximum(tf.stack([y1 - y0, x1 - x0], -1), 1.0)
    return tf.concat(
        [
            (centre - anchor_px[:, :2]) / anchor_px[:, 2:] * cells.XY_SCALE,
            tf.math.log(size / anchor_px[:, 2:]) * cells.WH_SCALE,
        ],
        -1,
    )


def _overlaps(boxes: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns IoU and generalised IoU of boxes y0 x0 y1 x1 with x0 y0 x1 y1."""
    y0, x0, y1, x1 = tf.unstack(boxes, axis=-1)
    tx0, ty0, tx1, ty1 = tf.unstack(target, axis=-1)
    across = tf.maximum(tf.minimum(x1, tx1) - tf.maximum(x0, tx0), 0.0)
    down = tf.maximum(tf.minimum(y1, ty1) - tf.maximum(y0, ty0), 0.0)
    inner = across * down
    union = (x1 - x0) * (y1 - y0) + (tx1 - tx0) * (ty1 - ty0) - inner + 1e-6
    iou = inner / union
    hull = (tf.maximum(x1, tx1) - tf.minimum(x0, tx0)) * (tf.maximum(y1, ty1) - tf.minimum(y0, ty0))
    return iou, iou - (hull - union) / (hull + 1e-6)
