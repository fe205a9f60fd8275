import ResectGraphs
import ResectResNets
import Testing

@Suite struct InputNormalizationPreprocessingTests {
  @Test func `it has the numbers of the preprocessing, on the channels of an image`() {
    let torchvision = InputNormalization(.torchvision)
    #expect(torchvision.channels == [0, 1, 2])
    #expect(torchvision.divisor == 255)
    #expect(torchvision.mean == [0.485, 0.456, 0.406])
    #expect(torchvision.std == [0.229, 0.224, 0.225])
    let caffe = InputNormalization(.kerasCaffe)
    #expect(caffe.channels == [2, 1, 0])
    #expect(caffe.divisor == 1)
    #expect(caffe.mean == [103.939, 116.779, 123.68])
  }

  @Test func `what is left of the preprocessing is the size, and the pixels as they are`() throws {
    for preprocessing in Preprocessing.presets {
      let left = preprocessing.withoutNormalization
      #expect(left.resize == preprocessing.resize)
      #expect(left.filter == preprocessing.filter)
      #expect(left.crop == preprocessing.crop)
      #expect(left.name == nil)
      #expect(left.channelOrder == .rgb)
      #expect(left.keepsPixels)
    }
    let grey = try Preprocessing(scale: 0.5, channelOrder: .grey, mean: [1], std: [2])
    #expect(!grey.keepsPixels)
    #expect(grey.withoutNormalization.channelOrder == .grey)
    #expect(grey.withoutNormalization.keepsPixels)
    #expect(Preprocessing.presets.filter(\.keepsPixels) == [.none])
  }
}
