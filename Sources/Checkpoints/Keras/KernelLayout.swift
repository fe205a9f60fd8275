internal import ResectBytes
internal import ResectHDF5
internal import ResectTensors

/// How a file of Keras lays out the kernels of convolutions.
///
/// Source: `preprocess_weights_for_loading` and `convert_kernel` of Keras 2.
enum KernelLayout {
  /// Height × width × inputs × outputs: whatever writes it today.
  case tensorFlow
  /// The same, flipped in height and width, as Theano convolves.
  case flipped
  /// Outputs × inputs × height × width: Keras 1, `dim_ordering` th, computed by TensorFlow.
  case channelsFirst
  /// The same, flipped.
  case channelsFirstFlipped
  /// A file of Keras 1 without a model, written by Theano: it could be either order.
  case unknown

  init(_ content: HDF5Content, _ layers: [KerasLayer]) {
    let backend = content.attribute("backend")
    let version = content.attribute("keras_version")
    let ordering = layers.lazy.compactMap { $0.settings["dim_ordering"]?.string }.first
    // Keras 1.2 began to say its version.
    let isFirst = version.map { $0.hasPrefix("1") } ?? (backend == nil && !content.namesAreNumbered)
    guard isFirst || ordering != nil else {
      self = backend == "theano" ? .flipped : .tensorFlow
      return
    }
    // Theano numbers no variables: names without ":0" are its own.
    let isTheano = backend.map { $0 == "theano" } ?? !content.namesAreNumbered
    switch (ordering, isTheano) {
    case ("th", false): self = .channelsFirst
    case ("th", true): self = .channelsFirstFlipped
    case ("tf", true): self = .flipped
    case (_, false): self = .tensorFlow
    case (_, true): self = .unknown
    }
  }

  /// A kernel for each channel, height × width × channels × multiplier, as torch lays it out: channels · multiplier × 1 × height ×
  /// width.
  private func depthwise(_ tensor: LazyTensor, at path: String) throws(ResectError) -> LazyTensor {
    guard tensor.shape.rank == 4, self == .tensorFlow || self == .flipped else {
      throw ResectError(
        .unsupported,
        "a depthwise kernel of shape \(tensor.shape) in a file of this version of Keras is not understood",
        tensor: path)
    }
    let axes = tensor.shape.axes
    let turned = try tensor.permuted([2, 3, 0, 1], reversing: self == .flipped ? [0, 1] : [])
    let (channels, overflow) = axes[2].multipliedReportingOverflow(by: axes[3])
    guard !overflow else { throw ResectError(.limit, "the kernel has too many channels", tensor: path) }
    return try turned.reshaped([channels, 1, axes[0], axes[1]])
  }

  /// A weight as torch lays it out.
  func torch(
    _ tensor: LazyTensor, _ role: KerasLayer.WeightRole, at path: String
  ) throws(ResectError) -> LazyTensor {
    if role == .depthwiseKernel || role == .separableDepthwiseKernel { return try depthwise(tensor, at: path) }
    guard role == .kernel || role == .pointwiseKernel else { return tensor }
    switch (tensor.shape.rank, self) {
    case (2, _): return try tensor.permuted([1, 0])
    case (4, .tensorFlow): return try tensor.permuted([3, 2, 0, 1])
    case (4, .flipped): return try tensor.permuted([3, 2, 0, 1], reversing: [0, 1])
    case (4, .channelsFirst): return tensor
    case (4, .channelsFirstFlipped): return try tensor.permuted([0, 1, 2, 3], reversing: [2, 3])
    case (4, .unknown):
      throw ResectError(
        .unsupported,
        "Theano wrote this file for Keras 1, and nothing in it says in which order the axes of kernels are",
        advice: "load it in Keras with its model, and save the whole model", tensor: path)
    default: return tensor
    }
  }
}

extension HDF5Content {
  /// What the file says of its origin: at its root or, in a whole model, with the weights.
  fileprivate func attribute(_ name: String) -> String? {
    let groups = [index.root] + ["model_weights"].compactMap { index.group(at: $0) }
    return groups.lazy.compactMap { $0[name]?.string }.first
  }

  /// The version of Keras that wrote the file, where it says so.
  var kerasVersion: String? {
    if let version = attribute("keras_version") { return version }
    guard let archiveMetadata, let json = try? JSON(parsing: Array(archiveMetadata.utf8)) else { return nil }
    return json["keras_version"]?.string
  }

  /// Whether the weights' names end in a number, as TensorFlow's do: `kernel:0`.
  fileprivate var namesAreNumbered: Bool {
    index.datasets.contains { $0.path.hasSuffix(":0") } || index.group(at: "layers") != nil
  }
}
