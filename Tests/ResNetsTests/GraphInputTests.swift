import ResectBytes
import ResectGraphs
import ResectTensors
import Testing

@testable import ResectResNets

/// Layers before the first convolution, as one normalisation.
@Suite struct GraphInputTests {
  /// What a layer does to numbers, in short.
  enum Step {
    case scale(by: [Double], adding: [Double])
    case standardize(mean: [Double], std: [Double])
    case reorderChannels([Int])

    var operation: Graph.Operation {
      get throws {
        switch self {
        case .scale(let factors, let terms):
          .scaleShift(
            .init(
              scale: LazyTensor(values: factors, dtype: .float64), shift: LazyTensor(values: terms, dtype: .float64)))
        case .standardize(let mean, let std):
          .normalize(try InputNormalization(channels: Array(mean.indices), scale: 1, mean: mean, std: std))
        case .reorderChannels(let channels):
          .normalize(
            try InputNormalization(
              channels: channels, scale: 1, mean: channels.map { _ in 0 }, std: channels.map { _ in 1 }))
        }
      }
    }
  }

  private func normalization(
    _ operations: Step..., channels: Int = 3
  ) throws -> InputNormalization? {
    var input = GraphInput()
    for (position, operation) in operations.enumerated() {
      input.append(Graph.Node("layer\(position)", try operation.operation, of: [position]))
    }
    return try input.normalization(channels: channels)
  }

  /// What the layers make of `pixel`, each step in double precision.
  private func result(_ pixel: Double, channel: Int, of operations: [Step]) -> Double {
    operations.reduce(pixel) { value, operation in
      switch operation {
      case .scale(let factors, let terms):
        value * factors[factors.count == 1 ? 0 : channel] + terms[terms.count == 1 ? 0 : channel]
      case .standardize(let means, let deviations):
        (value - means[means.count == 1 ? 0 : channel]) / deviations[deviations.count == 1 ? 0 : channel]
      default: value
      }
    }
  }

  @Test func `the usual layers keep their numbers to the bit`() throws {
    let scaled = try #require(try normalization(.scale(by: [1 / 127.5], adding: [-1])))
    #expect(scaled.scale == 1 / 127.5 && scaled.mean == [1, 1, 1] && scaled.std == [1, 1, 1])
    let both = try #require(
      try normalization(
        .scale(by: [1 / 255], adding: [0]), .standardize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])))
    #expect(both.scale == 1 / 255 && both.divisor == 255)
    #expect(both.mean == [0.485, 0.456, 0.406] && both.std == [0.229, 0.224, 0.225])
    #expect(both.channels == [0, 1, 2])
  }

  @Test func `any sequence computes what its layers compute one after the other`() throws {
    let sequences: [[Step]] = [
      [.scale(by: [0.1, 0.2, 0.4], adding: [1])],
      [.standardize(mean: [100, 110, 120], std: [50, 50, 50]), .scale(by: [2], adding: [0.5, 0, -0.5])],
      [
        .scale(by: [0.01], adding: [1]), .scale(by: [3], adding: [-2]),
        .standardize(mean: [0.5, 0.5, 0.5], std: [0.25, 0.5, 1]),
      ],
    ]
    for operations in sequences {
      var input = GraphInput()
      for operation in operations { input.append(Graph.Node("layer", try operation.operation, of: [0])) }
      let found = try #require(try input.normalization(channels: 3))
      for (channel, pixel) in [(0, 0.0), (1, 255.0), (2, 17.0)] {
        let value = (pixel * found.scale - found.mean[channel]) / found.std[channel]
        #expect(abs(value - result(pixel, channel: channel, of: operations)) < 1e-12)
      }
    }
  }

  @Test func `channels that change places take their numbers along`() throws {
    let turned = try #require(
      try normalization(.reorderChannels([2, 1, 0]), .standardize(mean: [103, 116, 123], std: [1, 2, 3])))
    #expect(turned.channels == [2, 1, 0] && turned.mean == [103, 116, 123] && turned.std == [1, 2, 3])
    let afterwards = try #require(
      try normalization(.standardize(mean: [103, 116, 123], std: [1, 2, 3]), .reorderChannels([1, 2, 0])))
    #expect(afterwards.channels == [1, 2, 0] && afterwards.mean == [116, 123, 103] && afterwards.std == [2, 3, 1])
    #expect(try normalization(.reorderChannels([2, 1, 0]), .reorderChannels([2, 1, 0])) == nil)
  }

  @Test func `what changes nothing is no normalisation`() throws {
    #expect(try normalization() == nil)
    #expect(try normalization(.scale(by: [1], adding: [0]), .standardize(mean: [0, 0, 0], std: [1, 1, 1])) == nil)
  }

  @Test func `numbers that no input can be normalised by are refused with the layer`() {
    let bad: [(Step, ResectError.Code)] = [
      (.scale(by: [0], adding: [1]), .badValue), (.scale(by: [1, 2], adding: [0]), .mismatch),
      (.standardize(mean: [1, 2], std: [1, 1]), .mismatch),
      (.scale(by: [1e-50], adding: [0]), .badValue),
    ]
    for (operation, code) in bad {
      let error = #expect(throws: ResectError.self) { try normalization(operation) }
      #expect(error?.code == code && error?.tensor == "layer0", "\(operation)")
    }
  }
}
