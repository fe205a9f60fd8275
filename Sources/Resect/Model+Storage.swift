extension Model {
  /// How each tensor of a model lies in the file that is written.
  struct Storage {
    /// The encoding of the weights that are no 8-bit integers.
    let encoding: WeightEncoding
    /// The dtype of weights; each keeps its own where it is absent.
    let weights: DType?
    /// The tensors, by the tree's names, that become 8-bit integers.
    let integers: Set<String>
    /// Whether the caller gave the steps of `encoding`, and not a search that keeps a promise.
    let hasGivenSteps: Bool
  }

  /// How the model lies in a file of `format`.
  func storage(_ options: WriteOptions, format: OutputFormat) -> Storage {
    guard format == .resect else {
      return Storage(encoding: .store, weights: options.dtype, integers: [], hasGivenSteps: false)
    }
    // The engine multiplies what is no convolution in bfloat16.
    return Storage(
      encoding: quantization?.encoding ?? options.encoding, weights: integers == nil ? options.dtype : .bfloat16,
      integers: integers?.weights ?? [], hasGivenSteps: quantization == nil && !options.encoding.steps.isEmpty)
  }

  /// The content with every number as it will be stored.
  func stored(_ storage: Storage) throws(ResectError) -> Content {
    switch content {
    case .network(let network):
      return .network(network.mapTensors { storage.stored($0.tensor, at: $0.path) })
    case .graph(let graph):
      return .graph(graph.mapTensors { storage.stored($0.tensor, named: $0.name) })
    case .classes(let classes):
      let module = ModulePath.classifier(layer: classes.layer)
      return .classes(
        try ClassEmbedding(
          weight: storage.stored(classes.weight, at: .init(module, .weight)),
          bias: classes.bias.map { storage.stored($0, at: .init(module, .bias)) },
          hasConstantFeature: classes.hasConstantFeature, layer: classes.layer))
    }
  }
}

extension Model.Storage {
  /// How the tensor that the tree names `name` is encoded in a `.resect` file.
  func choice(for name: String) -> EncodingChoice { integers.contains(name) ? .int8 : encoding.choice(for: name) }

  /// The dtype that `tensor` is stored in where nothing is quantised.
  func dtype(of tensor: LazyTensor) -> DType { tensor.storedDType(ofWeights: weights) }

  /// The dtype that the tensor at `path` is stored in.
  func dtype(of tensor: LazyTensor, at path: ParameterPath) -> DType {
    dtype(of: tensor, named: Convention.tree.name(of: path))
  }

  /// The dtype that the tensor is stored in that the tree, or the graph, names `name`.
  func dtype(of tensor: LazyTensor, named name: String) -> DType {
    switch choice(for: name) {
    case .store, .lossless: dtype(of: tensor)
    // A multiple of a step or a scale is a float32, whatever it was before.
    case .quantized, .int8: .float32
    }
  }

  /// The tensor at `path` as a file gives it back.
  func stored(_ tensor: LazyTensor, at path: ParameterPath) -> LazyTensor {
    stored(tensor, named: Convention.tree.name(of: path))
  }

  /// The tensor that the tree, or the graph, names `name`, as a file gives it back.
  func stored(_ tensor: LazyTensor, named name: String) -> LazyTensor {
    switch choice(for: name) {
    case .store, .lossless: tensor.rounded(to: dtype(of: tensor))
    case .quantized(let step, let rounding): tensor.multiples(of: step, rounding: rounding)
    case .int8: tensor.roundedToScaledIntegers()
    }
  }
}

extension LazyTensor {
  /// The dtype that the tensor is stored in where weights are stored as `weights`; vectors are then float32.
  func storedDType(ofWeights weights: DType?) -> DType {
    guard let weights, dtype.isComputable else { return dtype }
    return shape.rank > 1 || weights == .float64 ? weights : .float32
  }
}

extension WeightEncoding {
  /// The steps of the tensors that are quantised, by their names in the tree.
  var steps: [String: Double] { if case .quantized(let steps, _) = self { steps } else { [:] } }
}
