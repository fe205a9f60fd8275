extension KerasNames {
  /// The names that Keras' code gives the layers of `network`; what it has no names for has those of the tree.
  ///
  /// Source: Keras' `applications/resnet.py`; keras_applications 1.0.6, `resnet50.py`.
  init(_ network: ResNet, of family: KerasFamily?) {
    var naming = Naming(network, of: family)
    naming.name(network)
    self = naming.names
  }
}

/// Names the nodes of a ResNet's graph.
private struct Naming {
  private(set) var names: KerasNames
  private let family: KerasFamily?
  private let convention: Convention
  /// How often a name was given that Keras makes of a layer's class.
  private var counts: [String: Int] = [:]

  init(_ network: ResNet, of family: KerasFamily?) {
    self.family = family
    convention = family?.convention ?? (network.isPreactivated ? .kerasV2 : .keras)
    // Which value of a sum comes first decides about the order of layers that are equally far from the result.
    names = KerasNames(model: "resnet", input: "input_layer", reversesSums: family != .legacy)
  }

  mutating func name(_ network: ResNet) {
    names.layers["input"] = "normalization"
    names.preparations["input"] = "rescaling"
    nameStem(of: network)
    for (stage, blocks) in network.stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        name(block, Place(stage: stage + 1, block: index), isPreactivated: network.isPreactivated)
      }
    }
    names.layers["norm"] = name(of: .finalNorm)
    names.layers["norm.relu"] = "post_relu"
    names.layers["pool"] = "avg_pool"
    for linear in network.head {
      names.layers[ModulePath.classifier(layer: linear.layer).description] = name(of: .classifier(layer: nil))
    }
  }

  private mutating func nameStem(of network: ResNet) {
    for (index, unit) in network.innerStem.enumerated() {
      let paths = ResNet.UnitPaths(
        convolution: .innerStemConvolution(index: index + 1), norm: .innerStemNorm(index: index + 1))
      name(unit, paths, relu: "conv1_\(index + 1)_relu")
    }
    let stem = ResNet.UnitPaths(convolution: .stemConvolution, norm: .stemNorm)
    let hasReLU = network.stem.norm != nil || !network.isPreactivated
    name(network.stem, stem, relu: hasReLU ? automatic("activation", or: "conv1_relu") : nil)
    if let unit = network.stemPool {
      name(unit, .init(convolution: .stemPoolConvolution, norm: .stemPoolNorm), relu: "pool1_relu")
    }
    guard network.stemPooling != nil else { return }
    names.layers["stem.pad"] = "pool1_pad"
    names.preparations["stem.pool"] = "pool1_pad"
    names.layers["stem.pool"] = automatic("max_pooling2d", or: "pool1_pool")
  }

  // MARK: Blocks

  /// Where a block is.
  private struct Place {
    let stage: Int
    let block: Int

    /// What Keras calls the block.
    var name: String { "conv\(stage + 1)_block\(block + 1)" }
    /// What the graph's nodes beside the convolutions begin with.
    var node: String { "stage\(stage).\(block)" }

    func unit(_ index: Int) -> ResNet.UnitPaths {
      .init(
        convolution: .convolution(stage: stage, block: block, index: index + 1),
        norm: .norm(stage: stage, block: block, index: index + 1))
    }

    var shortcut: ResNet.UnitPaths {
      .init(
        convolution: .shortcutConvolution(stage: stage, block: block), norm: .shortcutNorm(stage: stage, block: block))
    }
  }

  private mutating func name(_ block: ResNet.ResidualBlock, _ place: Place, isPreactivated: Bool) {
    if let shortcut = block.shortcut {
      name(shortcut, place.shortcut, relu: nil)
      names.layers["\(place.node).shortcut.pool"] = "\(place.name)_0_pool"
    } else if block.stride > 1 {
      names.layers["\(place.node).shortcut"] = numbered("max_pooling2d")
    }
    let last = block.units.count - 1
    for (index, unit) in block.units.enumerated() {
      let paths = place.unit(index)
      guard isPreactivated else {
        let relu = index < last ? automatic("activation", or: "\(place.name)_\(index + 1)_relu") : nil
        name(unit, paths, relu: relu)
        continue
      }
      name(unit, paths, relu: nil)
      let relu = index == 0 ? "\(place.name)_preact_relu" : "\(place.name)_\(index)_relu"
      // Where there is no batch-norm, the ReLU has its node.
      names.layers[unit.norm == nil ? "\(paths.norm)" : "\(paths.norm).relu"] = relu
    }
    let sum = block.attention == nil ? "\(place.unit(last).convolution)+" : "\(place.node)+"
    names.layers[sum] = isPreactivated ? "\(place.name)_out" : automatic("add", or: "\(place.name)_add")
    if !isPreactivated { names.layers["\(sum).relu"] = automatic("activation", or: "\(place.name)_out") }
  }

  /// Names a convolution, its batch-norm, and the ReLU that follows them if there is one.
  private mutating func name(_ unit: ResNet.ConvolutionUnit, _ paths: ResNet.UnitPaths, relu: String?) {
    let (convolution, norm) = ("\(paths.convolution)", "\(paths.norm)")
    let name = name(of: paths.convolution)
    names.layers[convolution] = name
    names.preparations[convolution] = name.hasSuffix("_conv") ? "\(name.dropLast(5))_pad" : "\(name)_pad"
    if family == .v2, paths.convolution != .stemConvolution { names.paddedApart.insert(convolution) }
    names.layers[norm] = self.name(of: paths.norm)
    if let relu { names.layers[unit.norm == nil ? "\(convolution).relu" : "\(norm).relu"] = relu }
  }

  // MARK: Names

  /// What Keras' code calls the layer; where it has none such, what the tree does.
  private func name(of place: ModulePath) -> String {
    convention.hasName(for: ParameterPath(place, .weight))
      ? convention.name(of: place) : place.description.replacing(".", with: "_")
  }

  /// `name` but in the code before 2019, which names no such layers: there it is the name that Keras makes of their class.
  private mutating func automatic(_ base: String, or name: String) -> String {
    family == .legacy ? numbered(base) : name
  }

  /// The name that Keras gives a layer that its code names nothing: numbered from the second on.
  private mutating func numbered(_ base: String) -> String {
    let count = counts[base, default: 0]
    counts[base] = count + 1
    return count == 0 ? base : "\(base)_\(count)"
  }
}
