"""What the network is punished for.

Scores: quality focal loss (Li et al., Generalized Focal Loss, NeurIPS 2020): the wanted score of
a cell's class grows with the overlap (IoU) of its box, so that the best-placed cell ranks first.
States: where a face is, also the cross-entropy of the classes among themselves, for the focal
loss hardly minds a weak score of a wrong class, and a far face has no strong ones.
Boxes: generalised IoU (Rezatofighi et al., CVPR 2019) and a small absolute error of the codes.
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
    state_weight: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the score loss and the box loss of a batch.

    codes (B, N, 4), scores (B, N, 3); target, kinds, weights as cells.assign gives them;
    anchor_px (N, 4) y x h w px; class_weights: how much a face of each class counts;
    state_weight: scalar, how much the classes among themselves do.
    """
    face = tf.cast(kinds >= 0, tf.float32)
    centre = codes[..., :2] / cells.XY_SCALE * anchor_px[:, 2:] + anchor_px[:, :2]
    half = tf.exp(codes[..., 2:] / cells.WH_SCALE) * anchor_px[:, 2:] / 2
    y0, x0 = tf.unstack(centre - half, axis=-1)
    y1, x1 = tf.unstack(centre + half, axis=-1)
    tx0, ty0, tx1, ty1 = tf.unstack(target, axis=-1)
    zero = tf.constant(0.0)
    inner_w = tf.maximum(tf.minimum(x1, tx1) - tf.maximum(x0, tx0), zero)
    inner_h = tf.maximum(tf.minimum(y1, ty1) - tf.maximum(y0, ty0), zero)
    inner = inner_w * inner_h
    union = (x1 - x0) * (y1 - y0) + (tx1 - tx0) * (ty1 - ty0) - inner + 1e-6
    iou = inner / union
    hull = (tf.maximum(x1, tx1) - tf.minimum(x0, tx0)) * (tf.maximum(y1, ty1) - tf.minimum(y0, ty0))
    giou = iou - (hull - union) / (hull + 1e-6)

    wanted_xy = tf.stack([(ty0 + ty1) / 2, (tx0 + tx1) / 2], -1)
    wanted_wh = tf.maximum(tf.stack([ty1 - ty0, tx1 - tx0], -1), 1.0)
    wanted = tf.concat(
        [
            (wanted_xy - anchor_px[:, :2]) / anchor_px[:, 2:] * cells.XY_SCALE,
            tf.math.log(wanted_wh / anchor_px[:, 2:]) * cells.WH_SCALE,
        ],
        -1,
    )
    code_error = tf.reduce_mean(tf.abs(codes - tf.clip_by_value(wanted, 0.0, 6.0)), -1)

    quality = tf.stop_gradient(tf.sqrt(iou)) * face
    wish = tf.one_hot(kinds, 3) * quality[..., None]
    known = tf.cast(kinds != -2, tf.float32)[..., None]
    clipped = tf.clip_by_value(scores, 1e-5, 1 - 1e-5)
    entropy = -(wish * tf.math.log(clipped) + (1 - wish) * tf.math.log(1 - clipped))
    focus = tf.square(wish - scores)
    faces = tf.maximum(tf.reduce_sum(face), 1.0)
    of_kind = tf.constant([1.0, *class_weights])  # nothing here, then the classes
    share = tf.gather(of_kind, tf.maximum(tf.cast(kinds, tf.int32), -1) + 1)[..., None]
    chances = tf.math.log(clipped) - tf.math.log(1 - clipped)
    state = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.maximum(tf.cast(kinds, tf.int32), 0), chances
    )
    score_loss = tf.reduce_sum(entropy * focus * known * share) / faces
    score_loss += state_weight * tf.reduce_sum(state * face * share[..., 0]) / faces
    box_loss = tf.reduce_sum(weights * face * ((1 - giou) + 0.3 * code_error)) / faces
    return score_loss, box_loss
