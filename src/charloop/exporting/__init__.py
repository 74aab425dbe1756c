"""A trained network in other forms: a web page, C, ONNX, PyTorch, NumPy, a folder for a hub.

`network` holds what every form is made from; `quantizing` makes its matrices 8-bit; `lowering` orders a step for
languages with loops, and `spelling` writes it as expressions on arrays; each form has one module in `forms`.
"""

from charloop.exporting.network import ExportedNetwork
from charloop.exporting.targets import TARGETS, export

__all__ = ["TARGETS", "ExportedNetwork", "export"]
