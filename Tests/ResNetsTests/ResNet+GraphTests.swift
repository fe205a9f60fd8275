import ResectBytes
import ResectGraphs
import ResectResNets
import ResectTensors
import ResectTestSupport
import Testing

@Suite struct ResNetGraphTests {
  /// A network by the plan `architecture`, changed by `change`.
  private func network(
    _ architecture: Architecture, _ change: (inout Architecture) -> Void = { _ in }
  ) throws -> ResNet {
    var architecture = architecture
    change(&architecture)
    var tensors: [ParameterPath: LazyTensor] = [:]
    for parameter in architecture.parameters { tensors[parameter.path] = try UnreadableStorage.tensor(parameter.axes) }
    return try ResNet(architecture: architecture, tensors: tensors)
  }

  /// Each operation as `name = word(inputs)`.
  private func lines(_ graph: Graph) -> [String] {
    graph.nodes.map { node in
      "\(node.name) = \(node.operation.word)(\(node.inputs.map { graph.name(of: $0) }.joined(separator: ", ")))"
    }
  }

  /// The shapes of the named values for an image of 32×32.
  private func shapes(_ graph: Graph, _ names: [String]) throws -> [[Int]] {
    let shapes = try graph.shapes(height: 32, width: 32)
    return names.map { name in
      (0..<shapes.count).first { graph.name(of: $0) == name }.map { shapes[$0].axes } ?? []
    }
  }

  private func operation(_ name: String, of graph: Graph) throws -> Graph.Operation {
    try #require(graph.nodes.first { $0.name == name }).operation
  }

  private func strides(_ graph: Graph) -> [String: Int] {
    var strides: [String: Int] = [:]
    for node in graph.nodes {
      if case .convolution(let convolution) = node.operation, convolution.stride != 1 {
        strides[node.name] = convolution.stride.height
      }
    }
    return strides
  }

  // MARK: Order of modules

  @Test func `a basic network is its modules in order, each under its name`() throws {
    let graph = try network(.small(widths: [16, 32], depths: [1, 1])).graph()
    #expect(
      lines(graph) == [
        "stem.conv = convolution(input)", "stem.norm = batch-norm(stem.conv)", "stem.norm.relu = relu(stem.norm)",
        "stage1.0.conv1 = convolution(stem.norm.relu)", "stage1.0.norm1 = batch-norm(stage1.0.conv1)",
        "stage1.0.norm1.relu = relu(stage1.0.norm1)", "stage1.0.conv2 = convolution(stage1.0.norm1.relu)",
        "stage1.0.norm2 = batch-norm(stage1.0.conv2)", "stage1.0.conv2+ = add(stage1.0.norm2, stem.norm.relu)",
        "stage1.0.conv2+.relu = relu(stage1.0.conv2+)",
        "stage2.0.shortcut.conv = convolution(stage1.0.conv2+.relu)",
        "stage2.0.shortcut.norm = batch-norm(stage2.0.shortcut.conv)",
        "stage2.0.conv1 = convolution(stage1.0.conv2+.relu)", "stage2.0.norm1 = batch-norm(stage2.0.conv1)",
        "stage2.0.norm1.relu = relu(stage2.0.norm1)", "stage2.0.conv2 = convolution(stage2.0.norm1.relu)",
        "stage2.0.norm2 = batch-norm(stage2.0.conv2)",
        "stage2.0.conv2+ = add(stage2.0.norm2, stage2.0.shortcut.norm)",
        "stage2.0.conv2+.relu = relu(stage2.0.conv2+)", "pool = global-average-pool(stage2.0.conv2+.relu)",
        "classifier = linear(pool)",
      ])
    #expect(graph.outputs == [.init("logits", graph.nodes.count)])
    #expect(graph.features.map { graph.name(of: $0) } == "pool")
    #expect(
      try shapes(
        graph, ["stem.conv", "stage1.0.conv2+", "stage2.0.conv1", "stage2.0.conv2+.relu", "pool", "classifier"])
        == [[16, 32, 32], [16, 32, 32], [32, 16, 16], [32, 16, 16], [32], [5]])
  }

  @Test func `a folded network has no batch-norms, and its relus follow convolutions`() throws {
    let graph = try network(.small(widths: [16], depths: [1], normalization: .none, bias: true)).graph()
    #expect(
      lines(graph) == [
        "stem.conv = convolution(input)", "stem.conv.relu = relu(stem.conv)",
        "stage1.0.conv1 = convolution(stem.conv.relu)", "stage1.0.conv1.relu = relu(stage1.0.conv1)",
        "stage1.0.conv2 = convolution(stage1.0.conv1.relu)", "stage1.0.conv2+ = add(stage1.0.conv2, stem.conv.relu)",
        "stage1.0.conv2+.relu = relu(stage1.0.conv2+)", "pool = global-average-pool(stage1.0.conv2+.relu)",
        "classifier = linear(pool)",
      ])
  }

  @Test func `a pre-activated network normalises before it convolves, and projects what the first relu gives`() throws {
    let architecture = Architecture.small(widths: [16, 32], depths: [1, 1], stem: .sevenWithMaxPool)
    func preactivated(_ shortcut: Architecture.Shortcut) throws -> Graph {
      try network(architecture) {
        $0.shortcut = shortcut
        $0.isPreactivated = true
        $0.hasFinalNorm = true
        $0.absentNorms = [.stemNorm, .shortcutNorm(stage: 2, block: 0)]
        $0.stemPooling = .symmetricZeros
      }.graph()
    }
    let graph = try preactivated(.projection)
    #expect(
      lines(graph) == [
        "stem.conv = convolution(input)", "stem.pad = pad(stem.conv)", "stem.pool = max-pool(stem.pad)",
        "stage1.0.norm1 = batch-norm(stem.pool)", "stage1.0.norm1.relu = relu(stage1.0.norm1)",
        "stage1.0.conv1 = convolution(stage1.0.norm1.relu)", "stage1.0.norm2 = batch-norm(stage1.0.conv1)",
        "stage1.0.norm2.relu = relu(stage1.0.norm2)", "stage1.0.conv2 = convolution(stage1.0.norm2.relu)",
        "stage1.0.conv2+ = add(stage1.0.conv2, stem.pool)", "stage2.0.norm1 = batch-norm(stage1.0.conv2+)",
        "stage2.0.norm1.relu = relu(stage2.0.norm1)", "stage2.0.shortcut.conv = convolution(stage2.0.norm1.relu)",
        "stage2.0.conv1 = convolution(stage2.0.norm1.relu)", "stage2.0.norm2 = batch-norm(stage2.0.conv1)",
        "stage2.0.norm2.relu = relu(stage2.0.norm2)", "stage2.0.conv2 = convolution(stage2.0.norm2.relu)",
        "stage2.0.conv2+ = add(stage2.0.conv2, stage2.0.shortcut.conv)", "norm = batch-norm(stage2.0.conv2+)",
        "norm.relu = relu(norm)", "pool = global-average-pool(norm.relu)", "classifier = linear(pool)",
      ])
    #expect(
      try shapes(graph, ["stem.conv", "stem.pad", "stem.pool", "norm"]) == [
        [16, 16, 16], [16, 18, 18], [16, 8, 8], [32, 4, 4],
      ])
    #expect(try lines(preactivated(.inputProjection)).contains("stage2.0.shortcut.conv = convolution(stage1.0.conv2+)"))
  }

  @Test func `an input that the network normalises has the name of what the first convolution takes`() throws {
    let graph = try network(.small()) { $0.inputNormalization = InputNormalization(.torchvision) }.graph()
    #expect(graph.input.name == "pixels")
    #expect(lines(graph).prefix(2) == ["input = normalize(pixels)", "stem.conv = convolution(input)"])
    #expect(graph.inputNormalization == InputNormalization(.torchvision))
  }

  // MARK: Strides

  @Test(
    arguments: [
      (.v1, ["stage2.0.conv1": 2, "stage2.0.shortcut.conv": 2]),
      (.v15, ["stage2.0.conv2": 2, "stage2.0.shortcut.conv": 2]),
    ] as [(Architecture.StridePlacement, [String: Int])])
  func `a bottleneck strides where it is said`(_ placement: Architecture.StridePlacement, _ expected: [String: Int])
    throws
  {
    let graph = try network(.small(.bottleneck, groups: 4, placement: placement)).graph()
    #expect(strides(graph) == expected)
    guard case .convolution(let grouped) = try operation("stage2.0.conv2", of: graph) else {
      Issue.record("no convolution")
      return
    }
    #expect(grouped.groups == 4)
    #expect(try shapes(graph, ["stage2.0.conv3", "pool"]) == [[128, 16, 16], [128]])
  }

  @Test func `a bottleneck of which it is unknown where it strides is refused, one that does not stride is not`() throws
  {
    let error = #expect(throws: ResectError.self) {
      try network(.small(.bottleneck, placement: .unknown)).graph()
    }
    #expect(error?.code == .notApplicable)
    #expect(error?.message == "which convolution of a bottleneck strides is unknown")
    #expect(try network(.small(.bottleneck, widths: [16], depths: [2], placement: .unknown)).graph().nodes.count > 20)
  }

  @Test func `the last block of a stage strides where Keras' v2 does, and its input is subsampled`() throws {
    let graph = try network(.small(.bottleneck, widths: [16, 32], depths: [2, 1])) { $0.stridedBlocks = .last }.graph()
    #expect(strides(graph) == ["stage1.1.conv2": 2])
    #expect(lines(graph).contains("stage1.1.shortcut = max-pool(stage1.0.conv3+.relu)"))
    #expect(try shapes(graph, ["stage1.1.shortcut", "stage2.0.conv3+"]) == [[64, 16, 16], [128, 16, 16]])
  }

  // MARK: Variants

  @Test func `a ResNet-D pools before it projects where it strides`() throws {
    let graph = try network(.small(shortcut: .averagePooledProjection)).graph()
    #expect(lines(graph).contains("stage2.0.shortcut.pool = average-pool(stage1.1.conv2+.relu)"))
    #expect(lines(graph).contains("stage2.0.shortcut.conv = convolution(stage2.0.shortcut.pool)"))
    #expect(strides(graph) == ["stage2.0.conv1": 2])
    guard case .averagePool(let pooling) = try operation("stage2.0.shortcut.pool", of: graph) else {
      Issue.record("no pooling")
      return
    }
    #expect(pooling == Graph.Pooling(Graph.Window(kernel: 2, stride: 2, roundsUp: true)))
    // An odd edge has a window of its own, as torch's ceil_mode and Keras' "same" have it.
    #expect(try graph.shapes(height: 33, width: 31).last == .vector(5))
  }

  @Test(arguments: [(.zeroPadded, 8, 8), (.zeroPaddedAtEnd, 0, 16)] as [(Architecture.Shortcut, Int, Int)])
  func `a shortcut of option A is subsampled, then gets channels of zeros`(
    _ shortcut: Architecture.Shortcut, _ before: Int, _ after: Int
  ) throws {
    let graph = try network(.small(shortcut: shortcut)).graph()
    #expect(lines(graph).contains("stage2.0.shortcut.subsample = max-pool(stage1.1.conv2+.relu)"))
    #expect(lines(graph).contains("stage2.0.shortcut = pad(stage2.0.shortcut.subsample)"))
    guard case .maxPool(let pooling) = try operation("stage2.0.shortcut.subsample", of: graph),
      case .pad(let border) = try operation("stage2.0.shortcut", of: graph)
    else {
      Issue.record("another shortcut")
      return
    }
    #expect(pooling.window == Graph.Window(kernel: 1, stride: 2))
    #expect(border == Graph.Border(channelsBefore: before, channelsAfter: after))
    #expect(try shapes(graph, ["stage2.0.shortcut", "stage2.0.conv2+"]) == [[32, 16, 16], [32, 16, 16]])
  }

  @Test func `option A with fewer channels out than in is refused`() throws {
    let error = #expect(throws: ResectError.self) {
      try network(.small(widths: [32, 16], stemWidth: 32, shortcut: .zeroPadded)).graph()
    }
    #expect(error?.code == .notApplicable)
    #expect(error?.message.hasPrefix("stage2.0.shortcut") == true)
  }

  @Test(arguments: [Architecture.Attention.Kind.squeezeExcitation, .linearSqueezeExcitation])
  func `squeeze and excitation weighs the channels before the addition`(_ kind: Architecture.Attention.Kind) throws {
    let graph = try network(.small(widths: [16], depths: [1])) {
      $0.attention = .init(kind, sizes: [[4]], hasBias: true)
    }.graph()
    let all = lines(graph)
    let start = try #require(all.firstIndex { $0.hasPrefix("stage1.0.attention.pool") })
    #expect(
      all[start..<start + 8] == [
        "stage1.0.attention.pool = global-average-pool(stage1.0.norm2)",
        "stage1.0.attention.1 = linear(stage1.0.attention.pool)", "stage1.0.attention = relu(stage1.0.attention.1)",
        "stage1.0.attention.2 = linear(stage1.0.attention)",
        "stage1.0.attention.sigmoid = sigmoid(stage1.0.attention.2)",
        "stage1.0.attention.gate = multiply(stage1.0.norm2, stage1.0.attention.sigmoid)",
        "stage1.0+ = add(stage1.0.attention.gate, stem.norm.relu)", "stage1.0+.relu = relu(stage1.0+)",
      ])
    #expect(
      try shapes(graph, ["stage1.0.attention.1", "stage1.0.attention.2", "stage1.0.attention.gate"])
        == [[4], [16], [16, 32, 32]])
  }

  @Test func `efficient channel attention convolves over the channels`() throws {
    let graph = try network(.small(widths: [16], depths: [1])) {
      $0.attention = .init(.efficientChannel, sizes: [[5]], hasBias: false)
    }.graph()
    #expect(lines(graph).contains("stage1.0.attention.1 = channel-convolution(stage1.0.attention.pool)"))
    #expect(lines(graph).contains("stage1.0.attention.sigmoid = sigmoid(stage1.0.attention.1)"))
    #expect(try shapes(graph, ["stage1.0.attention.1"]) == [[16]])
  }

  @Test func `a deep stem has three convolutions, and a pooling or a fourth`() throws {
    let pooled = try network(.small(stem: .deepWithMaxPool)) { $0.innerStemWidths = [8, 12] }.graph()
    #expect(
      try shapes(pooled, ["stem.conv1", "stem.conv2", "stem.conv", "stem.pool"])
        == [[8, 16, 16], [12, 16, 16], [16, 16, 16], [16, 8, 8]])
    let convolved = try network(.small(stem: .deepWithConvolution)) { $0.innerStemWidths = [8, 12] }.graph()
    #expect(lines(convolved).contains("stem.pool.norm.relu = relu(stem.pool.norm)"))
    #expect(try shapes(convolved, ["stem.conv", "stem.pool.conv"]) == [[16, 16, 16], [16, 8, 8]])
    #expect(!lines(convolved).contains { $0.contains("max-pool") })
  }

  @Test(
    arguments: [
      (.symmetric, .each(1), 8), (.same, .same, 8), (.unpadded, .none, 7),
    ] as [(Architecture.StemPooling, Graph.Padding, Int)])
  func `the stem pools over the border that it has`(
    _ pooling: Architecture.StemPooling, _ padding: Graph.Padding, _ size: Int
  ) throws {
    let graph = try network(.small(stem: .sevenWithMaxPool)) { $0.stemPooling = pooling }.graph()
    guard case .maxPool(let window) = try operation("stem.pool", of: graph) else {
      Issue.record("no pooling")
      return
    }
    #expect(window.window == Graph.Window(kernel: 3, stride: 2, padding: padding))
    #expect(try shapes(graph, ["stem.pool"]) == [[16, size, size]])
  }

  @Test func `a convolution pads as it stands on it`() throws {
    let graph = try network(.small(stem: .sevenWithMaxPool)) {
      ($0.padding, $0.paddingExceptions) = (.same, [.stemConvolution])
    }.graph()
    guard case .convolution(let stem) = try operation("stem.conv", of: graph),
      case .convolution(let other) = try operation("stage2.0.conv1", of: graph)
    else {
      Issue.record("no convolutions")
      return
    }
    #expect(stem.padding == .each(3))
    #expect(other.padding == .same)
  }

  @Test func `a scale and a shift are nothing more`() throws {
    let graph = try network(.small()) { $0.normalization = .scaleAndShift }.graph()
    #expect(lines(graph).contains("stem.norm = scale-shift(stem.conv)"))
  }

  // MARK: Heads

  @Test func `a backbone gives its features`() throws {
    let graph = try network(.small(classes: nil)).graph()
    #expect(graph.outputs == [.init("features", graph.nodes.count)])
    #expect(graph.features == graph.output)
    #expect(!graph.computesLogits)
  }

  @Test func `the column of a constant feature is a bias`() throws {
    let graph = try network(.small()) {
      $0.appendsConstantFeature = true
      $0.hasHeadBias = false
    }.graph()
    guard case .linear(let linear) = try operation("classifier", of: graph) else {
      Issue.record("no classifier")
      return
    }
    #expect(linear.weight.shape.axes == [5, 32])
    #expect(linear.bias?.shape.axes == [5])
    #expect(graph.appendsConstantFeature)
    let classes = try ClassEmbedding(
      weight: UnreadableStorage.tensor([5, 33]), bias: nil, hasConstantFeature: true, layer: 2
    ).graph()
    #expect(classes.input.kind == .features(32))
    #expect(lines(classes) == ["classifier.2 = linear(input)"])
    #expect(try classes.shapes(height: 0, width: 0) == [.vector(32), .vector(5)])
  }

  @Test func `what is unknown is refused in words of its own`() throws {
    func refusal(_ change: (inout Architecture) -> Void) -> String? {
      let error = #expect(throws: ResectError.self) { try network(.small(), change).graph() }
      #expect(error?.code == .notApplicable)
      return error?.message
    }
    #expect(refusal { $0.epsilon.value = nil } == "what the batch-norms add to the variance is unknown")
    #expect(
      refusal { ($0.head, $0.headWidths) = (.layers([0, 3]), [7, 5]) }?.contains("2 linear layers") == true)
    #expect(
      refusal { $0.normalization = .batchNorm(affine: true, statistics: false) }?.contains("running statistics") == true
    )
  }
}
