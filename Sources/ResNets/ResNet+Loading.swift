public import Bytes
public import Tensors

extension ResNet {
  /// A network of `architecture` whose tensors are found by their places.
  ///
  /// Throws `ResectError.Code.mismatch` where a tensor is missing or has another shape; all of them are listed in
  /// the details. Naming reports the same with the file's own names before it comes to this.
  public init(
    architecture: Architecture, tensors: [ParameterPath: LazyTensor]
  ) throws(ResectError) {
    let faults = architecture.parameters.compactMap { expected -> String? in
      guard let tensor = tensors[expected.path] else {
        return expected.isOptional ? nil : "missing \(expected.path)"
      }
      guard tensor.shape.axes == expected.axes else {
        return "wrong shape \(expected.path): expected \(expected.axes), found \(tensor.shape.axes)"
      }
      return nil
    }
    guard faults.isEmpty else {
      throw ResectError(
        .mismatch, "\(faults.count) tensors do not fit the architecture, the first: \(faults[0])",
        details: faults)
    }
    func unit(_ paths: UnitPaths) throws(ResectError) -> ConvolutionUnit {
      func norm(_ kind: ParameterPath.Kind) -> LazyTensor? { tensors[.init(paths.norm, kind)] }
      let batchNorm = BatchNorm(
        weight: norm(.weight), bias: norm(.bias), runningMean: norm(.runningMean),
        runningVariance: norm(.runningVariance), batchesTracked: norm(.batchesTracked))
      return ConvolutionUnit(
        convolution: Convolution(
          weight: try required(.init(paths.convolution, .weight)),
          bias: tensors[.init(paths.convolution, .bias)]),
        norm: architecture.normalization == .none ? nil : batchNorm)
    }
    func required(_ path: ParameterPath) throws(ResectError) -> LazyTensor {
      guard let tensor = tensors[path] else {
        throw ResectError(.mismatch, "missing \(path)")
      }
      return tensor
    }
    self.architecture = architecture
    stem = try unit(UnitPaths(convolution: .stemConvolution, norm: .stemNorm))
    stages = []
    for (stage, blocks) in architecture.channels.enumerated() {
      var built: [ResidualBlock] = []
      for (block, outputs) in blocks.enumerated() {
        var units: [ConvolutionUnit] = []
        for index in 1...outputs.count {
          units.append(
            try unit(
              UnitPaths(
                convolution: .convolution(stage: stage + 1, block: block, index: index),
                norm: .norm(stage: stage + 1, block: block, index: index))))
        }
        let shortcut =
          architecture.projections[stage][block]
          ? try unit(
            UnitPaths(
              convolution: .shortcutConvolution(stage: stage + 1, block: block),
              norm: .shortcutNorm(stage: stage + 1, block: block))) : nil
        built.append(ResidualBlock(units: units, shortcut: shortcut))
      }
      stages.append(built)
    }
    head = []
    for layer in architecture.headLayers {
      head.append(
        Linear(
          layer: layer, weight: try required(.init(.classifier(layer: layer), .weight)),
          bias: tensors[.init(.classifier(layer: layer), .bias)]))
    }
  }

  /// Elements that are trained, as torch counts parameters.
  public var parameterCount: Int { count { !$0.isBuffer } }

  /// Elements of the buffers: running statistics and batch counts.
  public var bufferCount: Int { count { $0.isBuffer } }

  private func count(_ isCounted: (ParameterPath.Kind) -> Bool) -> Int {
    parameters.reduce(0) { $0 + (isCounted($1.path.kind) ? $1.tensor.shape.elementCount : 0) }
  }
}
