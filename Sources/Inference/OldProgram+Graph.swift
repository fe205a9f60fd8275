public import ResectBytes
public import ResectGraphs
public import ResectResNets
internal import ResectTensors

extension Graph {
  /// The forward pass of `network`, module by module.
  public init(_ network: ResNet) throws(ResectError) {
    try self.init(try OldProgram(network, fidelity: .exact))
  }

  /// The forward pass of a classifier's half: from features to logits.
  public init(_ classes: ClassEmbedding) throws(ResectError) { try self.init(try OldProgram(classes)) }

  init(_ program: OldProgram) throws(ResectError) {
    let normalizes = program.inputNormalization != nil
    var builder = GraphBuilder(
      Graph.Input(
        name: normalizes ? "pixels" : program.nodes.first?.name == "input" ? "x" : "input",
        program.takesFeatures ? .features(program.inputChannels) : .image(channels: program.inputChannels)))
    var values = [0]
    for node in program.nodes {
      let inputs = node.inputs.map { values[$0] }
      values.append(try builder.add(node, of: inputs))
    }
    let features = program.features.map { values[$0] }
    let last = values[program.output]
    try self = builder.graph(
      outputs: [
        program.computesLogits || program.features == nil
          ? Graph.Output(Graph.Output.logits, last) : Graph.Output(Graph.Output.features, last)
      ], features: features, appendsConstantFeature: program.appendsConstantFeature)
  }
}

extension GraphBuilder {
  fileprivate mutating func add(_ node: OldProgram.Node, of inputs: [Graph.ValueID]) throws(ResectError) -> Graph.ValueID {
    let name = node.name
    func window(_ old: OldProgram.Window) -> Graph.Window {
      let padding: Graph.Padding = switch old.padding { case .each(let n): .each(n) case .same: .same }
      return Graph.Window(
        kernel: .init(old.kernel), stride: .init(old.stride), padding: padding, roundsUp: old.roundsUp)
    }
    switch node.operation {
    case .convolution(let old):
      let padding: Graph.Padding = switch old.padding { case .each(let n): .each(n) case .same: .same }
      var value = add(
        .convolution(
          .init(
            weight: old.weight, bias: old.bias, stride: .init(old.stride), padding: padding,
            dilation: .init(old.dilation), groups: old.groups)), of: inputs[0], as: name)
      if old.adds { value = add(.add, of: value, inputs[1], as: name + "+") }
      if old.relu { value = add(.activation(.relu), of: value, as: name + (old.adds ? "+" : "") + ".relu") }
      return value
    case .batchNorm(let old):
      var value: Graph.ValueID
      if old.epsilon == 0, let scale = old.weight, (try? old.variance.doubles())?.allSatisfy({ $0 == 1 }) == true {
        value = add(.scaleShift(.init(scale: scale, shift: old.bias)), of: inputs[0], as: name)
      } else {
        value = add(
          .batchNorm(
            .init(
              weight: old.weight, bias: old.bias, mean: old.mean, variance: old.variance, epsilon: old.epsilon)),
          of: inputs[0], as: name)
      }
      if old.relu { value = add(.activation(.relu), of: value, as: name + ".relu") }
      return value
    case .add(let relu):
      let value = add(.add, of: inputs[0], inputs[1], as: name)
      return relu ? add(.activation(.relu), of: value, as: name + ".relu") : value
    case .relu: return add(.activation(.relu), of: inputs[0], as: name)
    case .maxPool(let old) where old.seesZeros:
      guard case .each(let n) = old.padding else { return 0 }
      let padded = add(.pad(.init(top: n, bottom: n, left: n, right: n)), of: inputs[0], as: name + ".pad")
      var bare = old
      bare.padding = .each(0)
      return add(.maxPool(.init(window(bare))), of: padded, as: name)
    case .maxPool(let old): return add(.maxPool(.init(window(old))), of: inputs[0], as: name)
    case .averagePool(let old): return add(.averagePool(.init(window(old))), of: inputs[0], as: name)
    case .globalAveragePool: return add(.globalAveragePool(keepsImage: false), of: inputs[0], as: name)
    case .zeroPaddedShortcut(let stride, let before, let after):
      var value = inputs[0]
      if stride > 1 {
        value = add(
          .maxPool(.init(.init(kernel: 1, stride: .init(stride)))), of: value, as: name + ".subsample")
      }
      return add(.pad(.init(channelsBefore: before, channelsAfter: after)), of: value, as: name)
    case .linear(let old): return add(.linear(.init(weight: old.weight, bias: old.bias)), of: inputs[0], as: name)
    case .sigmoid: return add(.activation(.sigmoid), of: inputs[0], as: name)
    case .channelConvolution(let kernel, let bias):
      return add(.channelConvolution(.init(kernel: kernel, bias: bias)), of: inputs[0], as: name)
    case .gate: return add(.multiply, of: inputs[0], inputs[1], as: name)
    case .normalize(let normalization): return add(.normalize(normalization), of: inputs[0], as: name)
    }
  }
}
