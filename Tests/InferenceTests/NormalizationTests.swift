import ResectGraphs
import ResectBytes
import ResectImages
import ResectInference
import ResectResNets
import ResectSurgery
import ResectTestSupport
import Testing

/// Networks that take pixels.
@Suite struct NormalizationTests {
  private static let preprocessings: [Preprocessing] = [.torchvision, .cifar100, .kerasCaffe, .kerasTF]

  /// An image in which every pixel value occurs, and what `preprocessing` makes of it.
  private func image(_ channels: Int) throws -> PixelImage {
    var random = SeededRandom(seed: 3)
    let pixels = (0..<channels * 32 * 32).map { index in
      index < 256 * channels ? UInt8(index / channels) : UInt8.random(in: 0...255, using: &random)
    }
    return try PixelImage(width: 32, height: 32, channels: channels, pixels: pixels)
  }

  private func batch(_ image: PixelImage, _ preprocessing: Preprocessing) throws -> Batch {
    let (values, width, height) = try image.input(for: preprocessing)
    return try Batch(
      count: 1, shape: .image(channels: preprocessing.channelOrder.count, height: height, width: width), values: values)
  }

  /// `preprocessing` without a change of size.
  private func sameSize(_ preprocessing: Preprocessing) throws -> Preprocessing {
    try Preprocessing(
      scale: preprocessing.scale, channelOrder: preprocessing.channelOrder, mean: preprocessing.mean,
      std: preprocessing.std)
  }

  private func options(_ change: (inout SessionOptions) -> Void) -> SessionOptions {
    var options = SessionOptions()
    change(&options)
    return options
  }

  @Test(arguments: preprocessings.indices)
  func `pixels through the layer give the bits of preprocessed pixels without it`(index: Int) throws {
    let preprocessing = try sameSize(NormalizationTests.preprocessings[index])
    let network = try ResNet.random(.small(), seed: 3)
    let normalized = try network.normalizing(by: preprocessing).network
    let image = try image(3)
    let prepared = try batch(image, preprocessing)
    let pixels = try batch(image, preprocessing.withoutNormalization)
    #expect(pixels.values.contains(255) && pixels.values.contains(1))
    #expect(try pixels.normalized(by: InputNormalization(preprocessing)) == prepared)
    for options in [options { _ in }, options { $0.isExact = true }, options { $0.usesReference = true }] {
      let expected = try Session(network, options: options).run(prepared)
      let session = try Session(normalized, options: options)
      #expect(session.graph.input.channels == 3)
      #expect(try session.run(pixels) == expected)
      #expect(
        try session.run(pixels, output: .features)
          == Session(network, options: options).run(prepared, output: .features))
    }
    let once = try Session(network).runOnce(prepared)
    #expect(try Session(normalized).runOnce(pixels) == once)
  }

  @Test func `a grey image is normalised too`() throws {
    let preprocessing = try Preprocessing(scale: 1.0 / 255, channelOrder: .grey, mean: [0.13], std: [0.31])
    let network = try ResNet.random(.small(inputChannels: 1), seed: 3)
    let normalized = try network.normalizing(by: preprocessing).network
    let image = try image(1)
    let pixels = try batch(image, preprocessing.withoutNormalization)
    #expect(try Session(normalized).run(pixels) == Session(network).run(batch(image, preprocessing)))
  }

  @Test(arguments: [Precision.bfloat16, .int8])
  func `narrow precisions run behind the layer`(precision: Precision) throws {
    let network = try ResNet.random(.small(), seed: 5)
    let normalized = try network.normalizing(by: sameSize(.torchvision)).network
    let image = try image(3)
    let expected = try Session(network).run(batch(image, sameSize(.torchvision)))
    // Random statistics tell nothing of what random weights make.
    let narrow = options {
      $0.precision = precision
      $0.calibration = .probes
    }
    let found = try Session(normalized, options: narrow)
      .run(batch(image, sameSize(.torchvision).withoutNormalization))
    let error = zip(found.values, expected.values).map { abs($0 - $1) }.max() ?? .infinity
    let size = expected.values.map(abs).max() ?? 0
    #expect(error <= 0.1 * size)
  }

  @Test func `probes of a network that takes pixels are pixels, of the contrast of other probes`() throws {
    let network = try ResNet.random(.small(), seed: 5)
    let plain = try Probes.batch(for: network.graph())
    let normalized = try network.normalizing(by: .kerasTF).network
    let probes = try Probes.batch(for: normalized.graph())
    #expect(probes.shape == plain.shape)
    #expect(probes.values.allSatisfy { 0...255 ~= $0 && $0 == $0.rounded() })
    // Keras' pixels become −1 to 1: what lies within is found again, to half a pixel.
    let again = try probes.normalized(by: InputNormalization(.kerasTF))
    for (value, wanted) in zip(again.values, plain.values) where abs(wanted) < 1 {
      #expect(abs(value - wanted) <= 0.51 / 127.5)
    }
  }

  @Test func `an image with other channels is not normalised`() throws {
    let grey = try Batch(count: 1, shape: .image(channels: 1, height: 1, width: 1), values: [1])
    let code = refusal { () throws(ResectError) in try grey.normalized(by: InputNormalization(.torchvision)) }
    #expect(code == .badArgument)
  }

  @Test func `folded into the first convolution, the border differs, unless the pixel 0 stays 0`() throws {
    let architecture = Architecture.small(widths: [16], depths: [1], classes: nil)
    let network = try ResNet.random(architecture, seed: 6)
    let preprocessing = try sameSize(.torchvision)
    let folded = try network.foldingNormalization(of: preprocessing).network
    let image = try image(3)
    let expected = try Session(network).run(batch(image, preprocessing))
    let found = try Session(folded).run(batch(image, preprocessing.withoutNormalization))
    let difference = zip(found.values, expected.values).map { abs($0 - $1) }.max() ?? .infinity
    #expect(difference > 1e-3)

    // Where the pixel 0 becomes 0, padding with zeros means what it meant.
    let zero = try Preprocessing(scale: 1, channelOrder: .rgb, mean: [0, 0, 0], std: [50, 60, 70])
    let exact = try network.foldingNormalization(of: zero).network
    let same = try Session(exact).run(batch(image, zero.withoutNormalization))
    for (value, wanted) in zip(same.values, try Session(network).run(batch(image, zero)).values) {
      #expect(abs(value - wanted) <= 1e-4 * max(1, abs(wanted)))
    }
  }

  @Test func `kept classes have the logits that they had`() throws {
    let network = try ResNet.random(.small(classes: 40), seed: 8)
    let batch = try Probes.batch(for: network.graph())
    let indices = [31, 0, 7, 39]
    for options in [options { $0.usesReference = true }, options { _ in }] {
      let all = try Session(network, options: options).run(batch)
      let kept = try Session(network.keepingClasses(indices).network, options: options).run(batch)
      #expect(kept.width == 4)
      for row in 0..<all.count {
        let wanted = indices.map { all[row][all[row].startIndex + $0] }
        // The fast engine may sum fewer classes in another order.
        for (value, wanted) in zip(kept[row], wanted) {
          #expect(abs(value - wanted) <= (options.usesReference ? 0 : 1e-5))
        }
      }
    }
  }
}
