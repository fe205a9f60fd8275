import ResectGraphs
import ResectBytes
import ResectResNets
import Testing

@testable import ResectNaming

/// Layers before the first convolution, as one normalisation.
@Suite struct GraphInputTests {
  private func normalization(
    _ operations: LayerGraph.Operation..., channels: Int = 3
  ) throws -> InputNormalization? {
    var input = GraphInput()
    for (position, operation) in operations.enumerated() {
      input.append(.init(name: "layer\(position)", operation: operation, inputs: []))
    }
    return try input.normalization(channels: channels)
  }

  /// What the layers make of `pixel`, each step in double precision.
  private func result(_ pixel: Double, channel: Int, of operations: [LayerGraph.Operation]) -> Double {
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
    let sequences: [[LayerGraph.Operation]] = [
      [.scale(by: [0.1, 0.2, 0.4], adding: [1])],
      [.standardize(mean: [100, 110, 120], std: [50]), .scale(by: [2], adding: [0.5, 0, -0.5])],
      [
        .scale(by: [0.01], adding: [1]), .scale(by: [3], adding: [-2]), .standardize(mean: [0.5], std: [0.25, 0.5, 1]),
      ],
    ]
    for operations in sequences {
      var input = GraphInput()
      for operation in operations { input.append(.init(name: "layer", operation: operation, inputs: [])) }
      let found = try #require(try input.normalization(channels: 3))
      for (channel, pixel) in [(0, 0.0), (1, 255.0), (2, 17.0)] {
        let value = (pixel * found.scale - found.mean[channel]) / found.std[channel]
        #expect(abs(value - result(pixel, channel: channel, of: operations)) < 1e-12)
      }
    }
  }

  @Test func `channels that change places take their numbers along`() throws {
    let turned = try #require(
      try normalization(.reorderChannels(nil), .standardize(mean: [103, 116, 123], std: [1, 2, 3])))
    #expect(turned.channels == [2, 1, 0] && turned.mean == [103, 116, 123] && turned.std == [1, 2, 3])
    let afterwards = try #require(
      try normalization(.standardize(mean: [103, 116, 123], std: [1, 2, 3]), .reorderChannels([1, 2, 0])))
    #expect(afterwards.channels == [1, 2, 0] && afterwards.mean == [116, 123, 103] && afterwards.std == [2, 3, 1])
    #expect(try normalization(.reorderChannels(nil), .reorderChannels(nil)) == nil)
    let error = #expect(throws: ResectError.self) { try normalization(.reorderChannels([0, 0, 1])) }
    #expect(error?.code == .unsupported)
  }

  @Test func `what changes nothing is no normalisation`() throws {
    #expect(try normalization() == nil)
    #expect(try normalization(.scale(by: [1], adding: [0]), .standardize(mean: [0], std: [1])) == nil)
  }

  @Test func `numbers that no input can be normalised by are refused with the layer`() {
    let bad: [(LayerGraph.Operation, ResectError.Code)] = [
      (.scale(by: [0], adding: [1]), .badValue), (.scale(by: [1, 2], adding: [0]), .mismatch),
      (.standardize(mean: [1e300], std: [1]), .badValue), (.standardize(mean: [0], std: [1e-50]), .badValue),
      (.scale(by: [1e-50], adding: [0]), .badValue),
    ]
    for (operation, code) in bad {
      let error = #expect(throws: ResectError.self) { try normalization(operation) }
      #expect(error?.code == code && error?.tensor == "layer0", "\(operation)")
    }
  }
}
