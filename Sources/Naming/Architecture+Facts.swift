internal import ResectBytes
internal import ResectResNets

extension Architecture {
  /// Takes over what a whole module says of its layers, by the file's names.
  ///
  /// Epsilon and the stride placement come from there; whatever contradicts a ResNet (a dilation, a padding, a stride that is
  /// elsewhere) is refused, since the weights would be right and the results wrong.
  mutating func apply(
    _ facts: [String: LayerFacts], convention: Convention
  ) throws(ResectError) {
    guard !facts.isEmpty else { return }
    var epsilons: [ModulePath: Double] = [:]
    var byPlace: [ModulePath: LayerFacts] = [:]
    for (name, layer) in facts.sorted(by: { $0.key < $1.key }) {
      guard let place = convention.module(of: name) else { continue }
      byPlace[place] = layer
      guard place.isNorm else { continue }
      guard layer.className.contains("BatchNorm") else {
        throw ResectError(
          .unsupported, "the layer is a \(layer.className), a ResNet's is a batch-norm", tensor: name)
      }
      guard let epsilon = layer.epsilon else { continue }
      guard epsilon.isFinite, epsilon >= 0 else {
        throw ResectError(.badValue, "the batch-norm adds \(epsilon) to the variance", tensor: name)
      }
      epsilons[place] = epsilon
    }
    if !epsilons.isEmpty { setEpsilons(epsilons, from: .module) }
    try applyActivations(facts)
    try applyPooling(facts)
    try applyStrides(byPlace, convention: convention)
  }

  /// Modules call the activation `relu`, `act1` or, within a norm, `act` (timm) or `activation` (Hugging Face, an identity after a block's last layer);
  /// where it is replaced, the weights are right and the results wrong.
  private func applyActivations(_ facts: [String: LayerFacts]) throws(ResectError) {
    for (name, layer) in facts.sorted(by: { $0.key < $1.key }) {
      if name.hasSuffix(".aa") || name == "aa" || layer.className.contains("Blur") {
        guard layer.className != "Identity" else { continue }
        throw ResectError(
          .unsupported,
          "the network smooths by a \(layer.className) before it strides, as timm's resnetblur and resnetaa do",
          tensor: name)
      }
      let word = name.split(separator: ".").last ?? ""
      let isActivation =
        ["relu", "act", "act1", "act2", "act3"].contains(word)
        || (word == "activation" && layer.className != "Identity")
      guard isActivation, layer.className != "ReLU" else { continue }
      throw ResectError(
        .unsupported, "the activation is a \(layer.className), a ResNet's is a ReLU", tensor: name)
    }
  }

  /// torchvision's module has `maxpool`; networks for small images replace it by an identity, ResNet-RS by a convolution.
  private func applyPooling(_ facts: [String: LayerFacts]) throws(ResectError) {
    guard let pooling = facts["maxpool"], stem != .deepWithConvolution else { return }
    guard (pooling.className == "MaxPool2d") == (stem != .three) else {
      throw ResectError(
        .unsupported,
        "the stem is a \(stem.kernel)×\(stem.kernel) convolution followed by \(pooling.className), which no known ResNet has"
      )
    }
  }

  private mutating func applyStrides(
    _ facts: [ModulePath: LayerFacts], convention: Convention
  ) throws(ResectError) {
    func refusal(_ place: ModulePath, _ what: String) -> ResectError {
      ResectError(.unsupported, what, tensor: convention.name(of: place))
    }
    func require(_ place: ModulePath, kernel: Int, stride: Int, groups: Int = 1) throws(ResectError) {
      guard let layer = facts[place] else { return }
      let expectations: [(String, [Int]?, Int)] = [
        ("dilation", layer.dilation, 1), ("padding", layer.padding, kernel / 2),
        ("stride", layer.stride, stride), ("groups", layer.groups.map { [$0] }, groups),
      ]
      for (what, found, expected) in expectations {
        guard let found, found.isEmpty || found.contains(where: { $0 != expected }) else { continue }
        throw refusal(
          place, "the convolution has \(what) \(found), this ResNet's has \(expected) here")
      }
      if let mode = layer.paddingMode, mode != "zeros" {
        throw refusal(place, "the convolution pads with \(mode), a ResNet's with zeros")
      }
      guard layer.className == "Conv2d" else {
        throw refusal(place, "the layer is a \(layer.className), a ResNet's is a Conv2d")
      }
    }
    for index in innerStemWidths.indices {
      try require(.innerStemConvolution(index: index + 1), kernel: 3, stride: index == 0 ? 2 : 1)
    }
    try require(
      .stemConvolution, kernel: stem.kernel, stride: stem == .sevenWithMaxPool ? 2 : 1)
    try require(.stemPoolConvolution, kernel: 3, stride: 2)
    for (stage, blocks) in channels.enumerated() {
      for block in blocks.indices {
        let stride = self.stride(stage: stage + 1, block: block)
        func place(_ index: Int) -> ModulePath {
          .convolution(stage: stage + 1, block: block, index: index)
        }
        var strides = [Int](repeating: 1, count: self.block.kernels.count)
        strides[0] = stride
        if self.block == .bottleneck, stride == 2, facts[place(1)]?.stride == [1, 1] {
          strides.swapAt(0, 1)
        }
        for (index, (kernel, stride)) in zip(self.block.kernels, strides).enumerated() {
          let groups = self.block == .bottleneck && index == 1 ? self.groups : 1
          try require(place(index + 1), kernel: kernel, stride: stride, groups: groups)
        }
        try require(
          .shortcutConvolution(stage: stage + 1, block: block),
          kernel: projectionKernel(stage: stage + 1, block: block),
          stride: shortcut == .averagePooledProjection ? 1 : stride)
        guard self.block == .bottleneck, stride == 2, facts[place(1)]?.stride != nil else {
          continue
        }
        let placement: StridePlacement = strides[0] == 2 ? .v1 : .v15
        if stridePlacement.source == .module, stridePlacement.value != placement {
          throw refusal(place(1), "the stages stride at different convolutions")
        }
        stridePlacement = Sourced(placement, from: .module)
      }
    }
  }
}
