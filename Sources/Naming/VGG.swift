package import ResectBytes
package import ResectGraphs
package import ResectResNets
internal import ResectTensors

/// torchvision's VGG, which names and shapes alone tell: `features.N`, with max-poolings where numbers are left out, and a head of three
/// linear layers.
///
/// What the modules compute is torchvision's `models/vgg.py`, and what a whole module says of its layers is compared with it. The
/// pooling before the head makes 7 × 7 pixels of any image; of 224 × 224, the only size taken, there are as many already.
package struct VGG: Sendable {
  /// As `vgg16` or `vgg16_bn`.
  package let name: String
  /// What the network computes; its nodes have the names of the modules.
  package let graph: Graph

  /// How many convolutions lie between two poolings.
  private static let kinds = [
    "vgg11": [1, 1, 2, 2, 2], "vgg13": [2, 2, 2, 2, 2], "vgg16": [2, 2, 3, 3, 3], "vgg19": [2, 2, 4, 4, 4],
  ]
  private static let size = 224
  /// Pixels in each direction before the head.
  private static let pooled = 7
  private static let headLayers = [0, 3, 6]
  /// What torch's batch-norms add to the variance where nothing else is said.
  private static let epsilon = 1e-5

  /// The network that `tensors` are; nil where their names and shapes are no VGG's.
  ///
  /// Throws where `facts`, by the modules' names, say that a layer computes something else.
  package init?(_ tensors: [NamedTensor], facts: [String: LayerFacts] = [:]) throws(ResectError) {
    guard let parts = Parts(tensors), let layout = Layout(parts) else { return nil }
    name = layout.kind + (parts.norms.isEmpty ? "" : "_bn")
    let description = try Description(parts, layout, facts)
    graph = try description.graph
  }

  /// The tensors by module; each module's are all there.
  private struct Parts {
    var convolutions: [Int: Graph.Convolution] = [:]
    var norms: [Int: Graph.BatchNorm] = [:]
    var head: [Int: Graph.Linear] = [:]

    init?(_ tensors: [NamedTensor]) {
      // Most files are no VGG: their first names say so.
      guard tensors.count <= 200 else { return nil }
      var modules: [String: [String: LazyTensor]] = [:]
      for named in tensors {
        let parts = named.name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "features" || parts[0] == "classifier" else { return nil }
        modules["\(parts[0]).\(parts[1])", default: [:]][String(parts[2])] = named.tensor
      }
      for (module, tensors) in modules {
        let parts = module.split(separator: ".")
        guard let index = Int(parts[1]), 0..<100 ~= index, String(index) == parts[1], let weight = tensors["weight"],
          let bias = tensors["bias"], bias.shape.axes == [weight.shape.axes.first]
        else { return nil }
        let roles = Set(tensors.keys)
        switch (parts[0], weight.shape.rank) {
        case ("features", 4) where roles == ["weight", "bias"] && weight.shape.axes[2...] == [3, 3]:
          convolutions[index] = Graph.Convolution(weight: weight, bias: bias, padding: .each(1))
        case ("features", 1):
          guard let mean = tensors["running_mean"], let variance = tensors["running_var"],
            roles.subtracting(["num_batches_tracked"]) == ["weight", "bias", "running_mean", "running_var"],
            [mean, variance].allSatisfy({ $0.shape == weight.shape })
          else { return nil }
          norms[index] = Graph.BatchNorm(
            weight: weight, bias: bias, mean: mean, variance: variance, epsilon: VGG.epsilon)
        case ("classifier", 2) where roles == ["weight", "bias"]: head[index] = Graph.Linear(weight: weight, bias: bias)
        default: return nil
        }
      }
    }
  }

  /// Where the layers lie.
  private struct Layout {
    let kind: String
    /// The positions of the convolutions, stage by stage.
    let stages: [[Int]]
    /// Whether the positions leave a place for a batch-norm behind each convolution: where batch-norms were folded, it is empty.
    let hasNormPlaces: Bool

    init?(_ parts: Parts) {
      let positions = parts.convolutions.keys.sorted()
      guard positions.first == 0, parts.head.keys.sorted() == VGG.headLayers else { return nil }
      // From one convolution to the next there are two modules or, with a batch-norm, three, and one more for a pooling.
      let gaps = zip(positions.dropFirst(), positions).map(-)
      hasNormPlaces = !gaps.contains(2)
      let gap = hasNormPlaces ? 3 : 2
      guard gaps.allSatisfy({ $0 == gap || $0 == gap + 1 }) else { return nil }
      var stages = [[0]]
      for (position, step) in zip(positions.dropFirst(), gaps) {
        if step == gap { stages[stages.count - 1].append(position) } else { stages.append([position]) }
      }
      guard let kind = VGG.kinds.first(where: { $0.value == stages.map(\.count) })?.key else { return nil }
      let places = hasNormPlaces ? Set(positions.map { $0 + 1 }) : []
      guard parts.norms.isEmpty || Set(parts.norms.keys) == places else { return nil }
      (self.kind, self.stages) = (kind, stages)
      guard fits(parts, positions) else { return nil }
    }

    /// Whether each layer takes what the one before it gives.
    private func fits(_ parts: Parts, _ positions: [Int]) -> Bool {
      var channels: Int?
      for position in positions {
        guard let axes = parts.convolutions[position]?.weight.shape.axes, channels ?? axes[1] == axes[1] else {
          return false
        }
        if let norm = parts.norms[position + 1], norm.mean.shape.axes != [axes[0]] { return false }
        channels = axes[0]
      }
      var features = channels?.multipliedReportingOverflow(by: VGG.pooled * VGG.pooled).partialValue
      for layer in VGG.headLayers {
        guard let axes = parts.head[layer]?.weight.shape.axes, axes[1] == features else { return false }
        features = axes[0]
      }
      return true
    }
  }

  /// The layers as a graph, each compared with what is known of it.
  private struct Description {
    private let parts: Parts
    private let layout: Layout
    private let facts: [String: LayerFacts]
    private var builder: GraphBuilder

    init(_ parts: Parts, _ layout: Layout, _ facts: [String: LayerFacts]) throws(ResectError) {
      (self.parts, self.layout, self.facts) = (parts, layout, facts)
      let channels = parts.convolutions[0]?.weight.shape.axes[1] ?? 0
      builder = GraphBuilder(input: .image(channels: channels, height: VGG.size, width: VGG.size))
    }

    var graph: Graph {
      get throws(ResectError) {
        var builder = builder
        var value = builder.input
        var next = 0
        func add(_ operation: Graph.Operation, _ name: String) { value = builder.add(operation, of: value, as: name) }
        for stage in layout.stages {
          for position in stage {
            guard let convolution = parts.convolutions[position] else { continue }
            try require("features.\(position)", "Conv2d", stride: 1, padding: 1)
            add(.convolution(convolution), "features.\(position)")
            if var norm = parts.norms[position + 1] {
              try require("features.\(position + 1)", "BatchNorm2d")
              norm.epsilon = facts["features.\(position + 1)"]?.epsilon ?? norm.epsilon
              add(.batchNorm(norm), "features.\(position + 1)")
            }
            next = position + (layout.hasNormPlaces ? 2 : 1)
            try require("features.\(next)", "ReLU")
            add(.activation(.relu), "features.\(next)")
          }
          try require("features.\(next + 1)", "MaxPool2d", stride: 2, padding: 0)
          add(.maxPool(.init(.init(kernel: 2, stride: 2))), "features.\(next + 1)")
        }
        try require("avgpool", "AdaptiveAvgPool2d")
        add(.flatten(.channelsFirst), "flatten")
        var features = value
        for layer in VGG.headLayers {
          guard let linear = parts.head[layer] else { continue }
          features = value
          try require("classifier.\(layer)", "Linear")
          add(.linear(linear), "classifier.\(layer)")
          guard layer != VGG.headLayers.last else { break }
          try require("classifier.\(layer + 1)", "ReLU")
          add(.activation(.relu), "classifier.\(layer + 1)")
        }
        return try builder.graph(outputs: [.init(Graph.Output.logits, value)], features: features)
      }
    }

    /// Refuses a layer that a whole module says to be another.
    private func require(
      _ name: String, _ className: String, stride: Int? = nil, padding: Int? = nil
    ) throws(ResectError) {
      guard let found = facts[name] else { return }
      guard found.className == className else {
        throw ResectError(
          .unsupported, "the layer is a \(found.className), that of torchvision's VGG is a \(className)", tensor: name)
      }
      let expectations = [
        ("stride", found.stride, stride), ("padding", found.padding, padding), ("dilation", found.dilation, 1),
        ("groups", found.groups.map { [$0] }, className == "Conv2d" ? 1 : nil),
      ]
      for (what, numbers, expected) in expectations {
        guard let numbers, let expected, numbers.isEmpty || numbers.contains(where: { $0 != expected }) else {
          continue
        }
        throw ResectError(
          .unsupported, "the layer has \(what) \(numbers), that of torchvision's VGG has \(expected)", tensor: name)
      }
      guard found.paddingMode ?? "zeros" == "zeros" else {
        throw ResectError(
          .unsupported, "the layer pads with \(found.paddingMode ?? ""), that of torchvision's VGG with zeros",
          tensor: name)
      }
    }
  }

  /// Where the model takes what its weights do not show.
  package var notice: String {
    "by names and shapes this is torchvision's \(name): its layers are taken as that code has them, images are \(VGG.size)×\(VGG.size)"
  }
}
