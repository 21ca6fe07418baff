"""Reads the weights of the teacher, YuNet, from its ONNX file; see NOTICE."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

FILE = "yunet_n_dynamic.onnx"


@dataclass(frozen=True, slots=True)
class Convolution:
    """A kernel (rows, columns, in, out), or (rows, columns, channels, 1), and its bias."""

    kernel: NDArray[np.floating]
    bias: NDArray[np.floating]


def read_convolutions(file: Path) -> list[Convolution]:
    """Returns all convolutions of an ONNX file in the order in which they run."""
    graph = onnx.load(str(file)).graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type == "Conv":
            kernel, bias = (constants[name] for name in node.input[1:3])
            groups = next(one.i for one in node.attribute if one.name == "group")
            order = (2, 3, 0, 1) if groups > 1 else (2, 3, 1, 0)
            found.append(Convolution(np.transpose(kernel, order), bias))
    return found
