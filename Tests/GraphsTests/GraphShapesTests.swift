import ResectBytes
import ResectGraphs
import ResectTensors
import Testing

@Suite struct GraphShapesTests {
  private typealias Shape = Graph.ValueShape

  /// The shape of what `operation` makes of values that hold as many numbers as constants of `axes`.
  private func shape(_ operation: Graph.Operation, of axes: [Int]...) throws(ResectError) -> Graph.ValueShape {
    var builder = GraphBuilder(input: .features(1))
    var values: [Graph.ValueID] = []
    for (index, axes) in axes.enumerated() {
      let tensor = axes.count == 1 ? blank(axes[0]) : blank(axes[0], axes[1], axes[2])
      values.append(builder.add(.constant(tensor), ofAll: [], as: "c\(index)"))
    }
    let made = builder.add(operation, ofAll: values, as: "here")
    return try builder.graph(outputs: [.init("y", made)]).shapes(height: 0, width: 0)[made]
  }

  @Test func `operations make what torch makes`() throws {
    let image = [6, 9, 7]
    func pixels(_ channels: Int, _ height: Int, _ width: Int) -> Shape {
      .image(channels: channels, height: height, width: width)
    }
    let convolution = Graph.Convolution(
      weight: blank(4, 3, 3, 2), bias: blank(4), stride: .init(2, 1),
      padding: .sides(top: 1, bottom: 0, left: 2, right: 1),
      dilation: .init(1, 3), groups: 2)
    let window = Graph.Window(kernel: 3, stride: 2, padding: .each(1), roundsUp: true)
    let norm = Graph.BatchNorm(weight: nil, bias: blank(6), mean: blank(6), variance: blank(6), epsilon: 1)
    let same: [Graph.Operation] = [
      .batchNorm(norm), .scaleShift(.init(scale: blank(6), shift: blank(1))), .activation(.relu),
      .activation(.prelu(slopes: blank(6))), .activation(.prelu(slopes: blank(1))), .activation(.softmax), .identity,
    ]
    for operation in same {
      #expect(try shape(operation, of: image) == pixels(6, 9, 7))
      #expect(try shape(operation, of: [6]) == .vector(6))
    }
    // ⌊(9 + 1 − 3) / 2⌋ + 1 rows, ⌊(7 + 3 − 4) / 1⌋ + 1 columns.
    #expect(try shape(.convolution(convolution), of: image) == pixels(4, 4, 7))
    #expect(try shape(.linear(.init(weight: blank(5, 6))), of: [6]) == .vector(5))
    #expect(try shape(.maxPool(.init(window)), of: image) == pixels(6, 5, 4))
    #expect(try shape(.averagePool(.init(window)), of: image) == pixels(6, 5, 4))
    #expect(try shape(.globalAveragePool(keepsImage: true), of: image) == pixels(6, 1, 1))
    #expect(try shape(.globalAveragePool(keepsImage: false), of: image) == .vector(6))
    #expect(try shape(.globalMaxPool(keepsImage: true), of: image) == pixels(6, 1, 1))
    #expect(try shape(.globalMaxPool(keepsImage: false), of: image) == .vector(6))
    #expect(try shape(.add, of: image, image, image) == pixels(6, 9, 7))
    #expect(try shape(.multiply, of: image, image) == pixels(6, 9, 7))
    #expect(try shape(.multiply, of: image, [6]) == pixels(6, 9, 7))
    #expect(try shape(.multiply, of: image, [6, 1, 1]) == pixels(6, 9, 7))
    #expect(try shape(.concatenate, of: image, [2, 9, 7], [1, 9, 7]) == pixels(9, 9, 7))
    #expect(try shape(.concatenate, of: [6], [2]) == .vector(8))
    #expect(try shape(.flatten(.channelsFirst), of: image) == .vector(378))
    #expect(try shape(.flatten(.channelsLast), of: image) == .vector(378))
    #expect(try shape(.flatten(.channelsFirst), of: [6]) == .vector(6))
    #expect(try shape(.toImage, of: [6]) == pixels(6, 1, 1))
    let border = Graph.Border(top: 1, bottom: 2, left: 3, right: 4, channelsBefore: 5, channelsAfter: 6)
    #expect(try shape(.pad(border), of: image) == pixels(17, 12, 14))
    #expect(try shape(.channelConvolution(.init(kernel: blank(1, 1, 3))), of: [6]) == .vector(6))
    #expect(try shape(.channelConvolution(.init(kernel: blank(1, 1, 3))), of: [6, 1, 1]) == pixels(6, 1, 1))
    let normalization = try InputNormalization(channels: [2, 1, 0], scale: 1, mean: [0, 0, 0], std: [1, 1, 1])
    #expect(try shape(.normalize(normalization), of: [3, 4, 5]) == pixels(3, 4, 5))
    #expect(try shape(.constant(blank(2, 3, 4))) == pixels(2, 3, 4))
  }

  @Test func `what does not fit is refused with the node's name`() throws {
    let normalization = try InputNormalization(channels: [0], scale: 1, mean: [0], std: [1])
    let norm = Graph.BatchNorm(weight: nil, bias: nil, mean: blank(5), variance: blank(5), epsilon: 0)
    let wrong: [(Graph.Operation, [[Int]])] = [
      (.convolution(.init(weight: blank(4, 3, 1, 1), groups: 2)), [[5, 4, 4]]),
      (.convolution(.init(weight: blank(4, 3, 1, 1))), [[3]]), (.linear(.init(weight: blank(4, 3))), [[3, 1, 1]]),
      (.linear(.init(weight: blank(4, 3))), [[4]]), (.batchNorm(norm), [[4, 2, 2]]),
      (.scaleShift(.init(scale: blank(2), shift: nil)), [[3]]), (.activation(.prelu(slopes: blank(2))), [[3]]),
      (.maxPool(.init(.init(kernel: 1))), [[3]]), (.averagePool(.init(.init(kernel: 1))), [[3]]),
      (.globalAveragePool(keepsImage: false), [[3]]), (.globalMaxPool(keepsImage: false), [[3]]),
      (.add, [[3], [4]]), (.add, [[3], [3, 1, 1]]), (.multiply, [[3, 2, 2], [2]]), (.multiply, [[3], [3, 2, 2]]),
      (.multiply, [[3, 2, 2], [1, 2, 2]]), (.concatenate, [[3], [3, 1, 1]]), (.concatenate, [[3, 2, 2], [3, 2, 1]]),
      (.concatenate, [[3, 2, 2], [3]]), (.toImage, [[3, 1, 1]]), (.pad(.init(top: 1)), [[3]]),
      (.channelConvolution(.init(kernel: blank(1, 1, 3))), [[3, 2, 1]]), (.normalize(normalization), [[3, 2, 2]]),
      (.normalize(normalization), [[1]]),
      // A window in the padding alone has no pixel to take the maximum of.
      (.maxPool(.init(.init(kernel: 2, padding: .each(2)))), [[3, 4, 4]]),
      (.averagePool(.init(.init(kernel: 2, padding: .sides(top: 0, bottom: 2, left: 0, right: 0)))), [[3, 4, 4]]),
    ]
    for (operation, axes) in wrong {
      let error = #expect(throws: ResectError.self) {
        switch axes.count {
        case 1: try shape(operation, of: axes[0])
        default: try shape(operation, of: axes[0], axes[1])
        }
      }
      #expect(error?.code == .mismatch, "\(operation.word) of \(axes): \(error.map { "\($0)" } ?? "")")
      #expect(error?.tensor == "here")
    }
  }

  @Test func `an image too small is said with the node, and so is one of another size than is fixed`() throws {
    var builder = GraphBuilder(input: .image(channels: 3))
    let made = builder.add(.convolution(.init(weight: blank(4, 3, 5, 5))), of: 0, as: "stem")
    let graph = try builder.graph(outputs: [.init("y", made)])
    let small = #expect(throws: ResectError.self) { try graph.shapes(height: 9, width: 4) }
    #expect(small?.code == .badArgument)
    #expect(small?.message.contains("stem") == true)
    #expect(throws: ResectError.self) { try graph.shapes(height: 0, width: 9) }
    let fixed = try Graph(
      input: .init(.image(channels: 3, height: 9, width: nil)), nodes: graph.nodes, outputs: graph.outputs)
    #expect(try fixed.shapes(height: 9, width: 5)[1] == .image(channels: 4, height: 5, width: 1))
    let other = #expect(throws: ResectError.self) { try fixed.shapes(height: 8, width: 5) }
    #expect(other?.message.contains("9×any") == true)
  }

  @Test func `shapes that overflow are refused with the node's name`() throws {
    // Each concatenation of a value with itself 4,096 times is 4,096 times as large.
    var builder = GraphBuilder(input: .features(1 << 20))
    var value = 0
    for index in 0..<6 {
      value = builder.add(.concatenate, ofAll: [Int](repeating: value, count: 4096), as: "n\(index)")
    }
    let vectors = try builder.graph(outputs: [.init("y", value)])
    #expect(#expect(throws: ResectError.self) { try vectors.shapes(height: 0, width: 0) }?.tensor == "n1")
    var images = GraphBuilder(input: .image(channels: 1))
    let most = Limits.windowPixels
    let border = Graph.Border(
      top: most, bottom: most, left: most, right: most, channelsBefore: most, channelsAfter: most)
    let padded = images.add(.pad(border), of: 0, as: "here")
    let padding = try images.graph(outputs: [.init("y", padded)])
    let error = #expect(throws: ResectError.self) { try padding.shapes(height: 1, width: 1) }
    #expect(error?.code == .limit)
    #expect(error?.tensor == "here")
    for (height, width) in [(Int.max, Int.max), (1 << 32, 1 << 32), (.max, 1), (-1, -1)] {
      #expect(#expect(throws: ResectError.self) { try padding.shapes(height: height, width: width) }?.code == .limit)
    }
    let huge = try Graph(input: .init(.features(.max)), nodes: [], outputs: [.init("y", 0)])
    #expect(#expect(throws: ResectError.self) { try huge.shapes(height: 0, width: 0) }?.code == .limit)
  }

  @Test func `tensors that a change gave other shapes are refused, not used`() throws {
    let graph = try Networks.small().mapTensors { _ in blank(1) }
    let error = #expect(throws: ResectError.self) { try graph.shapes(height: 11, width: 9) }
    #expect(error?.code == .mismatch)
    #expect(error?.tensor == "conv1")
  }
}
