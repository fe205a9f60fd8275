public import Tensors

/// A ResNet as a tree of modules whose tensors nobody has read yet.
///
/// The tree is a value: a surgery returns a new one. Every tensor has the shape that ``architecture`` says.
public struct ResNet: Sendable {
  /// What the tree is a network of.
  public var architecture: Architecture
  /// The first convolution.
  public var stem: ConvolutionUnit
  /// The residual blocks by stage.
  public var stages: [[ResidualBlock]]
  /// The linear layers after global average pooling: one for a classifier, none for a backbone.
  public var head: [Linear]

  /// A convolution and what normalises its output.
  public struct ConvolutionUnit: Sendable {
    /// The convolution.
    public var convolution: Convolution
    /// The batch-norm after it; absent where it was folded.
    public var norm: BatchNorm?
  }

  /// A convolution.
  public struct Convolution: Sendable {
    /// Output channels × input channels of a group × height × width.
    public var weight: LazyTensor
    /// Output channels.
    public var bias: LazyTensor?
  }

  /// A batch normalisation; all tensors have one element a channel.
  public struct BatchNorm: Sendable {
    /// The scale, gamma.
    public var weight: LazyTensor?
    /// The shift, beta.
    public var bias: LazyTensor?
    /// The mean of the training data.
    public var runningMean: LazyTensor?
    /// The variance of the training data.
    public var runningVariance: LazyTensor?
    /// How many batches were seen in training; a scalar.
    public var batchesTracked: LazyTensor?
  }

  /// A residual block: its convolutions in order, and what its input passes through before it is added.
  public struct ResidualBlock: Sendable {
    /// Two (basic) or three (bottleneck) units.
    public var units: [ConvolutionUnit]
    /// The projection; absent where the input is added as it is or zero-padded.
    public var shortcut: ConvolutionUnit?
  }

  /// A linear layer.
  public struct Linear: Sendable {
    /// Its position in the head's sequence; absent where the head is this layer alone.
    public var layer: Int?
    /// Output features (classes) × input features.
    public var weight: LazyTensor
    /// Output features.
    public var bias: LazyTensor?

    /// A layer of these tensors.
    public init(layer: Int?, weight: LazyTensor, bias: LazyTensor?) {
      self.layer = layer
      self.weight = weight
      self.bias = bias
    }
  }
}

extension ResNet {
  /// A tensor and its place.
  public struct Parameter: Sendable {
    /// Its place.
    public let path: ParameterPath
    /// The tensor.
    public let tensor: LazyTensor
  }

  /// Every tensor of the tree, in the order of torch's state dict.
  public var parameters: [Parameter] {
    var parameters: [Parameter] = []
    func add(_ module: ModulePath, _ tensors: KeyValuePairs<ParameterPath.Kind, LazyTensor?>) {
      for (kind, tensor) in tensors {
        if let tensor {
          parameters.append(Parameter(path: .init(module, kind), tensor: tensor))
        }
      }
    }
    for (paths, unit) in units {
      let convolution = unit.convolution
      add(paths.convolution, [.weight: convolution.weight, .bias: convolution.bias])
      guard let norm = unit.norm else { continue }
      add(
        paths.norm,
        [
          .weight: norm.weight, .bias: norm.bias, .runningMean: norm.runningMean,
          .runningVariance: norm.runningVariance, .batchesTracked: norm.batchesTracked,
        ])
    }
    for linear in head {
      add(.classifier(layer: linear.layer), [.weight: linear.weight, .bias: linear.bias])
    }
    return parameters
  }

  /// The modules of a unit.
  public struct UnitPaths: Sendable, Hashable {
    /// The convolution's place.
    public let convolution: ModulePath
    /// The batch-norm's place.
    public let norm: ModulePath

    /// A convolution's place and its batch-norm's.
    public init(convolution: ModulePath, norm: ModulePath) {
      self.convolution = convolution
      self.norm = norm
    }
  }

  /// Every convolution with its batch-norm, in the order of torch's state dict.
  public var units: [(paths: UnitPaths, unit: ConvolutionUnit)] {
    var units: [(paths: UnitPaths, unit: ConvolutionUnit)] = []
    var copy = self
    copy.updateUnits { paths, unit in units.append((paths, unit)) }
    return units
  }

  /// Lets `update` change each convolution with its batch-norm, in the order of torch's state dict.
  public mutating func updateUnits<Failure: Error>(
    _ update: (UnitPaths, inout ConvolutionUnit) throws(Failure) -> Void
  ) throws(Failure) {
    try update(UnitPaths(convolution: .stemConvolution, norm: .stemNorm), &stem)
    for stage in stages.indices {
      for block in stages[stage].indices {
        for index in stages[stage][block].units.indices {
          let paths = UnitPaths(
            convolution: .convolution(stage: stage + 1, block: block, index: index + 1),
            norm: .norm(stage: stage + 1, block: block, index: index + 1))
          try update(paths, &stages[stage][block].units[index])
        }
        guard var shortcut = stages[stage][block].shortcut else { continue }
        let paths = UnitPaths(
          convolution: .shortcutConvolution(stage: stage + 1, block: block),
          norm: .shortcutNorm(stage: stage + 1, block: block))
        try update(paths, &shortcut)
        stages[stage][block].shortcut = shortcut
      }
    }
  }
}
