import ResectGraphs
import ResectTensors

/// Networks of torchvision as it builds them, without numbers.
struct Networks {
  private var builder: GraphBuilder
  private var last: Graph.ValueID = 0

  private init(channels: Int) { builder = GraphBuilder(input: .image(channels: channels)) }

  private mutating func add(_ operation: Graph.Operation, _ name: String) {
    last = builder.add(operation, of: last, as: name)
  }

  private mutating func convolution(
    _ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, hasBias: Bool = false, _ name: String
  ) {
    add(
      .convolution(
        .init(
          weight: blank(outputs, inputs, kernel, kernel), bias: hasBias ? blank(outputs) : nil,
          stride: Graph.Extent(stride), padding: .each(kernel / 2))), name)
  }

  private mutating func norm(_ channels: Int, _ name: String) {
    add(
      .batchNorm(
        .init(
          weight: blank(channels), bias: blank(channels), mean: blank(channels), variance: blank(channels),
          epsilon: 1e-5)), name)
  }

  private mutating func linear(_ inputs: Int, _ outputs: Int, _ name: String) {
    add(.linear(.init(weight: blank(outputs, inputs), bias: blank(outputs))), name)
  }

  /// A ResNet with as many blocks in its stages.
  static func resNet(_ depths: [Int], bottleneck: Bool) throws -> Graph {
    var network = Networks(channels: 3)
    network.convolution(3, 64, 7, stride: 2, "conv1")
    network.norm(64, "bn1")
    network.add(.activation(.relu), "relu")
    network.add(.maxPool(.init(.init(kernel: 3, stride: 2, padding: .each(1)))), "maxpool")
    var channels = 64
    for (stage, depth) in depths.enumerated() {
      for block in 0..<depth {
        let (width, stride, place) = (64 << stage, stage > 0 && block == 0 ? 2 : 1, "layer\(stage + 1).\(block)")
        let outputs = bottleneck ? 4 * width : width
        let kernels = bottleneck ? [1, 3, 1] : [3, 3]
        let entry = network.last
        var inputs = channels
        for (index, kernel) in kernels.enumerated() {
          let made = index == kernels.count - 1 ? outputs : width
          let strides = index == (bottleneck ? 1 : 0)
          network.convolution(inputs, made, kernel, stride: strides ? stride : 1, "\(place).conv\(index + 1)")
          network.norm(made, "\(place).bn\(index + 1)")
          if index < kernels.count - 1 { network.add(.activation(.relu), "\(place).relu\(index + 1)") }
          inputs = made
        }
        let (branch, shortcut): (Graph.ValueID, Graph.ValueID)
        if stride == 1, channels == outputs {
          (branch, shortcut) = (network.last, entry)
        } else {
          branch = network.last
          network.last = entry
          network.convolution(channels, outputs, 1, stride: stride, "\(place).downsample.0")
          network.norm(outputs, "\(place).downsample.1")
          shortcut = network.last
        }
        network.last = network.builder.add(.add, of: branch, shortcut, as: "\(place).add")
        network.add(.activation(.relu), "\(place).relu")
        channels = outputs
      }
    }
    network.add(.globalAveragePool(keepsImage: true), "avgpool")
    network.add(.flatten(.channelsFirst), "flatten")
    let features = network.last
    network.linear(channels, 1000, "fc")
    return try network.builder.graph(outputs: [.init(Graph.Output.logits, network.last)], features: features)
  }

  /// VGG-16 for images of 224 × 224, which its adaptive pooling leaves as they come.
  static func vgg16() throws -> Graph {
    var network = Networks(channels: 3)
    var (index, channels) = (0, 3)
    for width in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0] {
      if width == 0 {
        network.add(.maxPool(.init(.init(kernel: 2, stride: 2))), "features.\(index)")
        index += 1
      } else {
        network.convolution(channels, width, 3, hasBias: true, "features.\(index)")
        network.add(.activation(.relu), "features.\(index + 1)")
        index += 2
        channels = width
      }
    }
    network.add(.identity, "avgpool")
    network.add(.flatten(.channelsFirst), "flatten")
    for (place, inputs, outputs) in [(0, 25088, 4096), (3, 4096, 4096), (6, 4096, 1000)] {
      network.linear(inputs, outputs, "classifier.\(place)")
      guard outputs != 1000 else { continue }
      network.add(.activation(.relu), "classifier.\(place + 1)")
      network.add(.identity, "classifier.\(place + 2)")
    }
    return try network.builder.graph(outputs: [.init(Graph.Output.logits, network.last)])
  }

  /// `Small` of `make_costs.py`.
  static func small() throws -> Graph {
    var network = Networks(channels: 4)
    network.add(
      .convolution(
        .init(
          weight: blank(12, 2, 3, 5), bias: blank(12), stride: .init(2, 1),
          padding: .each(.init(1, 2)), groups: 2)), "conv1")
    network.add(
      .batchNorm(.init(weight: nil, bias: nil, mean: blank(12), variance: blank(12), epsilon: 1e-5)), "bn1")
    network.add(.activation(.prelu(slopes: blank(12))), "act1")
    network.add(.globalAveragePool(keepsImage: true), "pool")
    network.add(.flatten(.channelsFirst), "flatten")
    network.add(.channelConvolution(.init(kernel: blank(1, 1, 3), bias: blank(1))), "eca")
    network.linear(12, 5, "fc1")
    network.norm(5, "bn2")
    network.add(.activation(.prelu(slopes: blank(1))), "act2")
    network.add(.linear(.init(weight: blank(12, 5))), "fc2")
    network.add(.activation(.sigmoid), "gate")
    return try network.builder.graph(outputs: [.init("gates", network.last)])
  }
}
