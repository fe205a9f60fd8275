internal import ResectBytes
internal import ResectGraphs

extension Program {
  /// Makes steps of nodes, one after the other.
  struct Fusion {
    private let graph: Graph
    private var steps: [Step] = []
    /// Steps that became part of another.
    private var gone: Set<Int> = []
    /// By value, the position of the step that makes it.
    private var makers: [Int?]
    /// By value, how often it is taken or given as a result.
    private let uses: [Int]
    /// See `Program.twins`.
    let twins: [Graph.ValueID]

    init(_ graph: Graph) {
      self.graph = graph
      var twins = [0]
      for (position, node) in graph.nodes.enumerated() {
        twins.append(node.isIdentity ? twins[node.inputs[0]] : position + 1)
      }
      var uses = [Int](repeating: 0, count: twins.count)
      for node in graph.nodes where !node.isIdentity {
        for value in node.inputs { uses[twins[value]] += 1 }
      }
      // What somebody may ask for is in memory.
      for value in graph.outputs.map(\.value) + (graph.features.map { [$0] } ?? []) { uses[twins[value]] += 1 }
      self.uses = uses
      self.twins = twins
      makers = [Int?](repeating: nil, count: twins.count)
      made = 0
    }

    /// How many nodes were added.
    private var made: Int

    /// The steps that are left.
    var finished: [Step] { steps.indices.filter { !gone.contains($0) }.map { steps[$0] } }

    mutating func add(_ node: Graph.Node) {
      made += 1
      guard !node.isIdentity else { return }
      var inputs = node.inputs.map { twins[$0] }
      var operation = node.operation
      switch operation {
      case .activation(let activation):
        if fuse(activation, behind: inputs[0]) { return }
      case .add:
        if inputs.count == 2, fuseSum(inputs[0], inputs[1]) { return }
      case .convolution(var convolution):
        if let (position, border) = border(makingOnly: inputs[0]), let padding = convolution.padding.widened(by: border)
        {
          convolution.padding = padding
          operation = .convolution(convolution)
          inputs = steps[position].inputs
          gone.insert(position)
        }
      case .maxPool(var pooling):
        if let (position, border) = border(makingOnly: inputs[0]), isNeverNegative(steps[position].inputs[0]),
          let padding = pooling.window.padding.widened(by: border), pooling.window.reachesInside(padding)
        {
          pooling.window.padding = padding
          operation = .maxPool(pooling)
          inputs = steps[position].inputs
          gone.insert(position)
        }
      default: break
      }
      makers[made] = steps.count
      steps.append(Step(name: node.name, operation: operation, inputs: inputs, output: made))
    }

    /// The step that makes `value`, for nobody but the node that is added now.
    private func soleMaker(of value: Graph.ValueID) -> Int? {
      guard uses[value] == 1, let position = makers[value], steps[position].activation == nil else { return nil }
      return position
    }

    /// Lets the step that makes `value` apply `activation`, where it can.
    private mutating func fuse(_ activation: Graph.Activation, behind value: Graph.ValueID) -> Bool {
      guard let position = soleMaker(of: value) else { return false }
      switch (steps[position].operation, activation) {
      case (.convolution, .relu), (.batchNorm, .relu), (.scaleShift, .relu): break
      case (.convolution, _) where activation.eltwise != nil: break
      // A sum of more than two is a chain of steps in oneDNN.
      case (.add, .relu) where steps[position].inputs.count == 2: break
      default: return false
      }
      steps[position].activation = activation
      complete(position)
      return true
    }

    /// Lets the convolution that makes one of two values, the one that runs last, add the other.
    private mutating func fuseSum(_ one: Graph.ValueID, _ other: Graph.ValueID) -> Bool {
      guard one != other else { return false }
      func place(_ value: Graph.ValueID) -> Int { makers[value] ?? -1 }
      let (last, first) = place(one) > place(other) ? (one, other) : (other, one)
      guard let position = soleMaker(of: last), case .convolution = steps[position].operation, !steps[position].adds
      else { return false }
      steps[position].adds = true
      steps[position].inputs.append(first)
      complete(position)
      return true
    }

    /// The node that is added now becomes the end of a step.
    private mutating func complete(_ position: Int) {
      makers[steps[position].output] = nil
      steps[position].output = made
      makers[made] = position
    }

    /// The step that makes `value`, for nobody else, where all it does is to put zeros around an image.
    private func border(makingOnly value: Graph.ValueID) -> (position: Int, border: Graph.Border)? {
      guard let position = soleMaker(of: value), case .pad(let border) = steps[position].operation, border.value == 0,
        border.channelsBefore == 0, border.channelsAfter == 0
      else { return nil }
      return (position, border)
    }

    /// Whether a value surely has no negative numbers: a zero around it is never more than a maximum of them.
    private func isNeverNegative(_ value: Graph.ValueID) -> Bool {
      guard let position = makers[value] else { return false }
      if let activation = steps[position].activation { return activation.isNeverNegative }
      if case .activation(let activation) = steps[position].operation { return activation.isNeverNegative }
      return false
    }
  }
}

extension Graph.Node {
  /// Whether it gives back what it takes.
  fileprivate var isIdentity: Bool {
    switch operation {
    case .identity: true
    case .add, .concatenate: inputs.count == 1
    default: false
    }
  }
}

extension Graph.Activation {

  fileprivate var isNeverNegative: Bool {
    switch self {
    case .relu, .relu6, .sigmoid, .hardSigmoid, .softmax: true
    case .leakyReLU, .prelu, .silu, .gelu, .elu, .tanh, .hardSwish, .logSoftmax: false
    }
  }
}

extension Graph.Padding {
  /// The padding with `border` beyond the image; absent where it follows from the image's size.
  fileprivate func widened(by border: Graph.Border) -> Graph.Padding? {
    guard case .sides(let top, let bottom, let left, let right) = self else { return nil }
    // Each of the numbers alone is small.
    let wide = [top + border.top, bottom + border.bottom, left + border.left, right + border.right]
    guard wide.allSatisfy({ $0 <= Limits.windowPixels }) else { return nil }
    return .sides(top: wide[0], bottom: wide[1], left: wide[2], right: wide[3])
  }
}

extension Graph.Window {
  /// Whether each window sees a pixel of the image where `padding` lies around it, so that there is something to take the maximum of.
  fileprivate func reachesInside(_ padding: Graph.Padding) -> Bool {
    guard case .sides(let top, let bottom, let left, let right) = padding, dilation == 1, !roundsUp else {
      return false
    }
    return top < kernel.height && bottom < kernel.height && left < kernel.width && right < kernel.width
  }
}
