internal import ResectPickle

extension PicklePolicy {
  /// What torch's own pickles call: the functions that rebuild tensors, and small values of training checkpoints.
  ///
  /// Source: torch's `_utils.py`, `_tensor.py`, `jit/_pickle.py` and `_weights_only_unpickler.py`.
  static let torch: PicklePolicy = {
    let numpyCores = ["numpy.core.multiarray", "numpy._core.multiarray"]
    let numpyState =
      [GlobalName("numpy", "dtype")] + numpyCores.map { GlobalName($0, "_reconstruct") }
    let others = [
      GlobalName("torch", "Size"), GlobalName("torch", "device"),
      GlobalName("torch.serialization", "_get_layout"),
    ]
    let script = ["build_intlist", "build_doublelist", "build_boollist", "build_tensorlist"]
      .map { GlobalName("torch.jit._pickle", $0) }
    return PicklePolicy(
      callables: Set(
        TorchRebuild.names.keys + numpyState + numpyCores.map { GlobalName($0, "scalar") } + others
          + script),
      callablesWithState: Set(numpyState),
      classesWithTupleState: [TorchRebuild.parameterClass],
      knownPackages: [
        "torch", "torchvision", "numpy", "timm", "mmcv", "mmengine", "detectron2", "__torch__",
      ],
      unwrapsClasses: true)
  }()
}

/// The functions of torch that rebuild a tensor.
enum TorchRebuild {
  /// What a function makes.
  enum Kind: Sendable {
    /// A view of a storage: storage, offset, size, stride.
    case view
    /// A view whose dtype stands in the arguments.
    case viewWithDType
    /// A parameter around a tensor, the first argument.
    case parameter
    /// The result of another of these functions: function, type, arguments, state.
    case nested
    /// A tensor that Resect does not read, and what it is.
    case unsupported(String)
  }

  /// torch's `Parameter`, which old files make without arguments and give a tuple.
  static let parameterClass = GlobalName("torch.nn.parameter", "Parameter")

  /// The functions by their exact names.
  static let names: [GlobalName: Kind] = [
    GlobalName("torch._utils", "_rebuild_tensor"): .view,
    GlobalName("torch._utils", "_rebuild_tensor_v2"): .view,
    GlobalName("torch._utils", "_rebuild_tensor_v3"): .viewWithDType,
    GlobalName("torch._utils", "_rebuild_parameter"): .parameter,
    GlobalName("torch._utils", "_rebuild_parameter_with_state"): .parameter,
    GlobalName("torch._tensor", "_rebuild_from_type_v2"): .nested,
    GlobalName("torch._tensor", "_rebuild_from_type"): .nested,
    GlobalName("torch._utils", "_rebuild_qtensor"): .unsupported("a quantised tensor"),
    GlobalName("torch._utils", "_rebuild_sparse_tensor"): .unsupported("a sparse tensor"),
    GlobalName("torch._utils", "_rebuild_sparse_csr_tensor"): .unsupported("a sparse tensor"),
    GlobalName("torch._utils", "_rebuild_meta_tensor_no_storage"):
      .unsupported("a meta tensor, which has no data"),
    GlobalName("torch._utils", "_rebuild_wrapper_subclass"):
      .unsupported("a tensor subclass without data of its own"),
    GlobalName("torch._utils", "_rebuild_device_tensor_from_numpy"):
      .unsupported("a tensor of another device, kept as a numpy array"),
    GlobalName("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"):
      .unsupported("a tensor of another device"),
  ]
}
