import ResectBytes
import ResectGraphs
import ResectTensors
import ResectTestSupport

/// Graphs that are no ResNets, each for what is special about it.
struct OddGraph: Sendable, CustomStringConvertible {
  let description: String
  let graph: Graph

  static let all: [OddGraph] = {
    let makers: [(String, (inout Maker) -> Graph.ValueID)] = [
      ("a convolution that adds what it takes", { $0.add(.add, $0.convolution($0.input, 3, 3), $0.input) }),
      (
        "a sum of what is still wanted",
        {
          let one = $0.activation(.relu, $0.convolution($0.input, 3, 8))
          let two = $0.add(.add, $0.convolution(one, 8, 8), one)
          return $0.add(.add, $0.convolution(two, 8, 8), one)
        }
      ),
      (
        "a dense block",
        {
          var value = $0.convolution($0.input, 3, 16)
          for channels in [16, 24, 32] {
            let made = $0.convolution($0.activation(.relu, $0.norm(value, channels)), channels, 8)
            value = $0.add(.concatenate, value, made)
          }
          return $0.add(.globalAveragePool(keepsImage: false), value)
        }
      ),
      (
        "branches of other depths",
        {
          let stem = $0.activation(.relu, $0.norm($0.convolution($0.input, 3, 8), 8))
          let one = $0.convolution(stem, 8, 5)
          let two = $0.convolution($0.activation(.relu, $0.convolution(stem, 8, 6)), 6, 7)
          let three = $0.add(.averagePool(.init(.init(kernel: 3, padding: .each(1)))), stem)
          return $0.add(.concatenate, one, two, three)
        }
      ),
      (
        "an image that is flattened and still wanted",
        {
          let image = $0.activation(.relu, $0.convolution($0.input, 3, 4))
          let pooled = $0.add(.globalAveragePool(keepsImage: true), image)
          let vector = $0.add(.flatten(.channelsLast), pooled)
          let factors = $0.activation(.sigmoid, $0.linear(vector, 4, 4))
          let gated = $0.add(.multiply, image, factors)
          return $0.add(.add, $0.convolution(gated, 4, 4), image)
        }
      ),
      (
        "a vector that becomes an image again",
        {
          let image = $0.activation(.silu, $0.convolution($0.input, 3, 16))
          let pooled = $0.add(.toImage, $0.add(.globalAveragePool(keepsImage: false), image))
          let squeezed = $0.activation(.silu, $0.convolution(pooled, 16, 4, kernel: 1))
          let factors = $0.activation(.sigmoid, $0.convolution(squeezed, 4, 16, kernel: 1))
          let gated = $0.add(.multiply, image, factors)
          return $0.add(.globalMaxPool(keepsImage: false), $0.norm($0.convolution(gated, 16, 8), 8))
        }
      ),
      (
        "zeros around what a pooling and a convolution take",
        {
          let border = Graph.Border(top: 0, bottom: 1, left: 0, right: 1)
          let one = $0.convolution($0.add(.pad(border), $0.input), 3, 8, padding: Graph.Padding.none)
          let two = $0.add(.pad(.init(top: 1, bottom: 1, left: 1, right: 1)), $0.activation(.relu, one))
          let pooled = $0.add(.maxPool(.init(.init(kernel: 3, stride: 2))), two)
          return $0.add(.maxPool(.init(.init(kernel: 3, stride: 2))), $0.add(.pad(border), $0.convolution(pooled, 8, 4)))
        }
      ),
      (
        "depthwise convolutions behind relu6",
        {
          var value = $0.activation(.relu6, $0.norm($0.convolution($0.input, 3, 24), 24))
          value = $0.activation(.relu6, $0.norm($0.convolution(value, 24, 24, groups: 24), 24))
          let narrow = $0.norm($0.convolution(value, 24, 8, kernel: 1), 8)
          let wide = $0.activation(.relu6, $0.convolution(narrow, 8, 24, kernel: 1))
          return $0.add(.add, $0.norm($0.convolution(wide, 24, 8, kernel: 1), 8), narrow)
        }
      ),
      (
        "identities, and sums of one and of three",
        {
          let one = $0.add(.identity, $0.convolution($0.input, 3, 8))
          let two = $0.add(.identity, $0.norm(one, 8))
          let sum = $0.add(.add, $0.add(.add, two), $0.convolution(two, 8, 8), $0.convolution($0.input, 3, 8))
          return $0.add(.identity, $0.activation(.relu, sum))
        }
      ),
      (
        "linear layers behind an image that becomes a vector",
        {
          let image = $0.add(.maxPool(.init(.init(kernel: 4, stride: 4))), $0.convolution($0.input, 3, 5))
          let vector = $0.activation(.relu, $0.linear($0.add(.flatten(.channelsLast), image), 5 * 8 * 8, 12))
          return $0.activation(.softmax, $0.linear(vector, 12, 6))
        }
      ),
    ]
    return makers.enumerated().compactMap { index, maker in
      var made = Maker(seed: UInt64(index))
      let value = maker.1(&made)
      return (try? made.builder.graph(outputs: [.init("made", value)])).map {
        OddGraph(description: maker.0, graph: $0)
      }
    }
  }()

  /// Adds layers with random weights.
  struct Maker {
    var builder = GraphBuilder(input: .image(channels: 3))
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    let input = 0

    private func name(_ word: String) -> String { builder.freeName(word) }

    mutating func tensor(_ axes: [Int], _ range: ClosedRange<Double>) -> LazyTensor {
      let count = axes.reduce(1, *)
      let values = (0..<count).map { _ in Double(Float(Double.random(in: range, using: &random))) }
      let tensor = LazyTensor(values: values, dtype: .float32)
      return (try? tensor.reshaped(axes)) ?? tensor
    }

    mutating func add(_ operation: Graph.Operation, _ inputs: Graph.ValueID...) -> Graph.ValueID {
      builder.add(operation, ofAll: inputs, as: name(operation.word))
    }

    mutating func activation(_ activation: Graph.Activation, _ input: Graph.ValueID) -> Graph.ValueID {
      add(.activation(activation), input)
    }

    mutating func convolution(
      _ input: Graph.ValueID, _ inputs: Int, _ outputs: Int, kernel: Int = 3, padding: Graph.Padding? = nil,
      groups: Int = 1
    ) -> Graph.ValueID {
      let fan = (3 / Double(inputs / groups * kernel * kernel)).squareRoot()
      let weight = tensor([outputs, inputs / groups, kernel, kernel], -fan...fan)
      return add(
        .convolution(
          .init(weight: weight, bias: tensor([outputs], -0.3...0.3), padding: padding ?? .each(kernel / 2), groups: groups)),
        input)
    }

    mutating func norm(_ input: Graph.ValueID, _ channels: Int) -> Graph.ValueID {
      add(
        .batchNorm(
          .init(
            weight: tensor([channels], 0.5...1.5), bias: tensor([channels], -0.3...0.3),
            mean: tensor([channels], -0.3...0.3), variance: tensor([channels], 0.2...2), epsilon: 1e-3)), input)
    }

    mutating func linear(_ input: Graph.ValueID, _ inputs: Int, _ outputs: Int) -> Graph.ValueID {
      let fan = (3 / Double(inputs)).squareRoot()
      return add(.linear(.init(weight: tensor([outputs, inputs], -fan...fan), bias: tensor([outputs], -0.3...0.3))), input)
    }
  }
}
