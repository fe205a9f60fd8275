// A program that imports Resect works with these types: no further import should be needed.
@_exported public import ResectBytes
@_exported public import ResectCheckpoints
@_exported public import ResectGraphs
@_exported public import ResectHDF5
@_exported public import ResectImages
@_exported public import ResectInference
@_exported public import ResectNaming
@_exported public import ResectNativeFormat
@_exported public import ResectNumPy
@_exported public import ResectResNets
@_exported public import ResectSurgery
@_exported public import ResectTensors
