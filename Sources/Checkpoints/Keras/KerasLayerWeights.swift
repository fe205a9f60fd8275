public import ResectBytes
public import ResectHDF5
public import ResectTensors

/// A layer of a Keras model and its weights, in Keras' own order and layout: what a file of weights is made of.
public struct KerasLayerWeights: Sendable {
  /// The classes of layers that have weights. The raw value is how Keras 3 numbers them.
  public enum Class: String, Sendable, Hashable, CaseIterable {
    case convolution = "conv2d"
    case depthwiseConvolution = "depthwise_conv2d"
    case batchNormalization = "batch_normalization"
    case dense
    case parametricReLU = "p_re_lu"
  }

  /// The layer's name, as `conv1_conv`.
  public let name: String
  /// The layer's class.
  public let layerClass: Class
  /// Its weights in Keras' order. Their names are those within the layer, as `kernel` or `moving_mean`; tensors have Keras'
  /// layout: kernels are height × width × in × out, or in × out, or height × width × channels × kernels for each.
  public let weights: [OutputTensor]

  /// A layer and its weights.
  public init(name: String, layerClass: Class, weights: [OutputTensor]) {
    self.name = name
    self.layerClass = layerClass
    self.weights = weights
  }
}

extension LazyTensor {
  /// A convolution's weight as Keras has it: out × in × height × width becomes height × width × in × out.
  public func asKerasKernel() throws(ResectError) -> LazyTensor { try permuted([2, 3, 1, 0]) }

  /// The weight of a convolution with a group for each of `channels` as Keras has it: channels · kernels × 1 × height × width becomes
  /// height × width × channels × kernels.
  func asKerasDepthwiseKernel(channels: Int) throws(ResectError) -> LazyTensor {
    let axes = shape.axes
    return try reshaped([channels, axes[0] / channels, axes[2], axes[3]]).permuted([2, 3, 0, 1])
  }

  /// A classifier's weight as Keras has it: out × in becomes in × out.
  public func asKerasMatrix() throws(ResectError) -> LazyTensor { try permuted([1, 0]) }
}

extension HDF5Tree {
  /// Weights as Keras wrote them before version 3, and still reads from `.h5`: a group a layer, in the order of `layers`,
  /// which is what counts, and names that the attributes list. `attributes` are those of the root.
  ///
  /// Source: Keras' `legacy_h5_format.py`.
  public init(legacyKeras layers: [KerasLayerWeights], attributes: [Attribute] = []) throws(ResectError) {
    self.init()
    // The layout is that of the files of keras.applications, which TensorFlow's Keras 2 wrote.
    try add(.init("backend", .string("tensorflow")))
    try add(.init("keras_version", .string("2.15.0")))
    for attribute in attributes { try add(attribute) }
    try add(names: layers.map(\.name), as: "layer_names", to: "")
    for layer in layers {
      let names = layer.weights.map { "\(layer.name)/\($0.name):0" }
      try add(names: names, as: "weight_names", to: layer.name)
      for (name, weight) in zip(names, layer.weights) {
        try add(OutputTensor(name: "\(layer.name)/\(name)", tensor: weight.tensor, dtype: weight.dtype))
      }
    }
  }

  /// Weights as Keras 3 writes them to `.weights.h5`, and into a `.keras` archive: layers numbered by class in the order of
  /// `layers`, weights by their place. `attributes` are those of the root.
  ///
  /// Source: Keras' `saving_lib.py`.
  public init(keras layers: [KerasLayerWeights], attributes: [Attribute] = []) throws(ResectError) {
    self.init()
    for attribute in attributes { try add(attribute) }
    var counts: [KerasLayerWeights.Class: Int] = [:]
    for layer in layers {
      let number = counts[layer.layerClass, default: 0]
      counts[layer.layerClass] = number + 1
      let base = layer.layerClass.rawValue + (number == 0 ? "" : "_\(number)")
      let group = "layers/\(base)/vars"
      try add(.init("name", .string(layer.name)), to: group)
      for (index, weight) in layer.weights.enumerated() {
        try add(OutputTensor(name: "\(group)/\(index)", tensor: weight.tensor, dtype: weight.dtype))
      }
    }
  }

  /// Lists names as Keras does: in one attribute or, where that would be too large, in `attribute0`, `attribute1` and so on.
  private mutating func add(
    names: [String], as attribute: String, to path: String
  ) throws(ResectError) {
    guard !names.isEmpty else { return try add(.init(attribute, .numbers([])), to: path) }
    let longest = names.map(\.utf8.count).max() ?? 1
    let most = max(64_512 / max(longest, 1), 1)
    guard names.count > most else { return try add(.init(attribute, .fixedStrings(names)), to: path) }
    for (number, start) in stride(from: 0, to: names.count, by: most).enumerated() {
      let part = Array(names[start..<min(start + most, names.count)])
      try add(.init("\(attribute)\(number)", .fixedStrings(part)), to: path)
    }
  }
}
