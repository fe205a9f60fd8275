// A program that imports Resect works with these types: no further import should be needed.
@_exported public import Bytes
@_exported public import Checkpoints
@_exported public import HDF5
@_exported public import Images
@_exported public import Inference
@_exported public import Naming
@_exported public import NativeFormat
@_exported public import NumPy
@_exported public import ResNets
@_exported public import Surgery
@_exported public import Tensors
