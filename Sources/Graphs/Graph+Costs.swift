public import ResectBytes
internal import ResectTensors

extension Graph {
  /// What it takes to compute a network: operations by two ways of counting, bytes of what is stored and of what is computed.
  ///
  /// Whoever names a number of "FLOPs" has counted by some rule; here are the two that people compare with, each by the source of the
  /// program that has it. Both take a multiplication and the addition after it for one.
  public struct Costs: Sendable, Hashable {
    /// What is counted, of one node or of all.
    public struct Amounts: Sendable, Hashable {
      /// As torchinfo 1.8 counts "mult-adds": a convolution's weights and biases for each pixel that it makes, each other trained
      /// parameter once an image. What has no parameters is free, and so are statistics.
      public var multiplyAdds = 0
      /// As fvcore 0.1.5 counts flops: a convolution's weights for each pixel that it makes; a linear layer's weights; for each number a
      /// batch-norm takes, 2 or, without scale and shift, 1; for each number that a global average takes, 1. Biases, other pooling,
      /// additions and activations are free.
      public var flops = 0
      /// Parameters that are trained.
      public var parameters = 0
      /// The bytes that they are stored in.
      public var parameterBytes = 0
      /// Numbers that belong to the network and are not trained: a batch-norm's statistics, constants.
      public var constants = 0
      /// The bytes that they are stored in.
      public var constantBytes = 0
      /// Bytes of what is computed, in float32. A constant is not computed.
      public var activationBytes = 0
      /// As torchinfo 1.8 counts its "forward/backward pass size": twice the bytes of what nodes with trained parameters compute.
      public var passBytes = 0
    }

    /// What one node takes.
    public struct Node: Sendable, Hashable {
      /// The node's name.
      public let name: String
      /// What the operation is called, as ``Operation/word`` has it.
      public let operation: String
      /// The shape of what it makes of one image.
      public let shape: ValueShape
      /// What it takes, for all images of the batch.
      public let amounts: Amounts
    }

    /// How many images there are.
    public let batch: Int
    /// Bytes of what goes in, in float32.
    public let inputBytes: Int
    /// What each node takes, in the graph's order.
    public let nodes: [Node]
    /// What all nodes take together. A tensor that two nodes hold counts twice.
    public let total: Amounts
    /// The largest number of bytes, in float32, of values that are needed at one time, where nodes run one after the other: a value is
    /// there from the node that makes it until the last one that takes it, the input from the beginning, outputs until the end.
    public let peakActivationBytes: Int
  }

  /// What the network takes for `batch` images of `height` × `width`.
  ///
  /// ```swift
  /// let costs = try graph.costs(height: 224, width: 224)
  /// print("\(costs.total.multiplyAdds) multiply-adds, at most \(costs.peakActivationBytes) bytes of activations at a time")
  /// ```
  ///
  /// Throws as ``shapes(height:width:)``, `ResectError.Code.badArgument` where there are no images, and
  /// `ResectError.Code.limit`, with the node's name, where a count is beyond what an `Int` can hold.
  public func costs(height: Int, width: Int, batch: Int = 1) throws(ResectError) -> Costs {
    guard batch > 0 else { throw ResectError(.badArgument, "the costs of \(batch) images are none") }
    let shapes = try shapes(height: height, width: width)
    var total = Costs.Amounts()
    var counted: [Costs.Node] = []
    counted.reserveCapacity(nodes.count)
    for (position, node) in nodes.enumerated() {
      let made = shapes[position + 1]
      do throws(ResectError) {
        let amounts = try node.operation.amounts(taking: node.inputs.map { shapes[$0] }, making: made, batch: batch)
        try total.add(amounts)
        counted.append(Costs.Node(name: node.name, operation: node.operation.word, shape: made, amounts: amounts))
      } catch {
        throw error.located(tensor: node.name)
      }
    }
    let inputBytes = try product(shapes[0].count, batch, bytesOfFloat)
    return Costs(
      batch: batch, inputBytes: inputBytes, nodes: counted, total: total,
      peakActivationBytes: try peak([inputBytes] + counted.map(\.amounts.activationBytes)))
  }

  /// The largest sum of the bytes of values that are there at one time.
  private func peak(_ bytes: [Int]) throws(ResectError) -> Int {
    // By value, the position of the last node that takes it: its own where none does, so that it goes at once.
    var lastUse = [Int](-1..<nodes.count)
    for (position, node) in nodes.enumerated() {
      for value in node.inputs { lastUse[value] = position }
    }
    for output in outputs { lastUse[output.value] = nodes.count }
    var leaving = [[ValueID]](repeating: [], count: nodes.count)
    for (value, position) in lastUse.enumerated() where nodes.indices ~= position { leaving[position].append(value) }
    var live = bytes[0]
    var peak = live
    for position in nodes.indices {
      live = try sum(live, bytes[position + 1])
      peak = max(peak, live)
      for value in leaving[position] { live -= bytes[value] }
    }
    return peak
  }
}

extension Graph.Operation {
  /// What the operation takes to make of values of the shapes `inputs`, for each of `batch` images, one of the shape `result`.
  fileprivate func amounts(
    taking inputs: [Graph.ValueShape], making result: Graph.ValueShape, batch: Int
  ) throws(ResectError) -> Graph.Costs.Amounts {
    var amounts = Graph.Costs.Amounts()
    for (_, tensor, isTrained) in tensors {
      let (count, bytes) = (tensor.shape.elementCount, tensor.byteCount)
      if isTrained {
        amounts.parameters = try sum(amounts.parameters, count)
        amounts.parameterBytes = try sum(amounts.parameterBytes, bytes)
      } else {
        amounts.constants = try sum(amounts.constants, count)
        amounts.constantBytes = try sum(amounts.constantBytes, bytes)
      }
    }
    if case .constant = self { return amounts }
    amounts.activationBytes = try product(result.count, batch, bytesOfFloat)
    if amounts.parameters > 0 { amounts.passBytes = try product(amounts.activationBytes, 2) }
    // How often a parameter is used for one image.
    var uses = 1
    var flops = 0
    switch self {
    case .convolution(let convolution):
      uses = result.count / result.channels
      flops = try product(convolution.weight.shape.elementCount, uses)
    case .channelConvolution(let convolution):
      uses = result.channels
      flops = try product(convolution.kernel.shape.elementCount, uses)
    case .linear(let linear): flops = linear.weight.shape.elementCount
    case .batchNorm(let norm): flops = try product(result.count, norm.weight == nil && norm.bias == nil ? 1 : 2)
    case .globalAveragePool: flops = inputs.first?.count ?? 0
    case .scaleShift, .activation, .maxPool, .averagePool, .globalMaxPool, .add, .multiply, .concatenate, .flatten,
      .toImage, .pad, .normalize, .constant, .identity:
      break
    }
    amounts.multiplyAdds = try product(amounts.parameters, uses, batch)
    amounts.flops = try product(flops, batch)
    return amounts
  }
}

extension Graph.Costs.Amounts {
  fileprivate mutating func add(_ other: Self) throws(ResectError) {
    for amount in [
      \Self.multiplyAdds, \.flops, \.parameters, \.parameterBytes, \.constants, \.constantBytes, \.activationBytes,
      \.passBytes,
    ] {
      self[keyPath: amount] = try sum(self[keyPath: amount], other[keyPath: amount])
    }
  }
}

private let bytesOfFloat = 4

private func sum(_ left: Int, _ right: Int) throws(ResectError) -> Int {
  let (sum, overflow) = left.addingReportingOverflow(right)
  guard !overflow else { throw beyondCounting }
  return sum
}

private func product(_ factors: Int...) throws(ResectError) -> Int {
  var product = 1
  for factor in factors {
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    guard !overflow else { throw beyondCounting }
    product = next
  }
  return product
}

private var beyondCounting: ResectError {
  ResectError(.limit, "what this takes is more than 64 bits can count", advice: "ask for fewer or smaller images")
}
