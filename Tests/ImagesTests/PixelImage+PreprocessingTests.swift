import ResectGraphs
import ResectBytes
import ResectImages
import ResectResNets
import Testing

@Suite struct PixelImagePreprocessingTests {
  @Test(arguments: Manifest.shared.inputs)
  func `an input has the bits of torchvision or Keras`(expected: Manifest.Input) throws {
    let grey = try Preprocessing(
      resize: .exact(.init(width: 12, height: 9)), filter: .bicubic, scale: 1 / 255, channelOrder: .grey,
      mean: [0.1307], std: [0.3081])
    let preprocessing = expected.preset == "grey" ? grey : try #require(Preprocessing.named(expected.preset))
    let input = try PixelImage(fixture: expected.source).input(for: preprocessing)
    #expect((input.width, input.height) == (expected.width, expected.height))
    var bytes: [UInt8] = []
    for value in input.values { bytes.append(littleEndian: value.bitPattern) }
    #expect(crc32(bytes) == expected.crc32)
  }

  @Test func `every preset has an expectation`() {
    #expect(Set(Preprocessing.presetNames).isSubset(of: Manifest.shared.inputs.map(\.preset)))
  }

  @Test func `a scale that is no reciprocal multiplies`() throws {
    let image = try PixelImage(width: 1, height: 1, channels: 1, pixels: [10])
    let preprocessing = try Preprocessing(scale: 0.7, channelOrder: .grey, mean: [1], std: [2])
    #expect(try image.input(for: preprocessing).values == [(10 * Float(0.7) - 1) / 2])
  }

  @Test func `a grey image has the same three channels`() throws {
    let image = try PixelImage(width: 2, height: 1, channels: 1, pixels: [10, 20])
    let input = try image.input(for: .none)
    #expect(input.values == [10, 20, 10, 20, 10, 20])
    #expect(try image.input(for: .kerasCaffe).values.count == 3 * 224 * 224)
  }
}
