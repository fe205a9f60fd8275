import ResectResNets
import Testing

@Suite struct ParameterPathTests {
  @Test(
    arguments: [
      (.stemConvolution, .weight, "stem.conv.weight"), (.stemNorm, .bias, "stem.norm.bias"),
      (.convolution(stage: 1, block: 0, index: 2), .weight, "stage1.0.conv2.weight"),
      (.norm(stage: 4, block: 35, index: 3), .runningMean, "stage4.35.norm3.running_mean"),
      (.shortcutConvolution(stage: 2, block: 0), .bias, "stage2.0.shortcut.conv.bias"),
      (.shortcutNorm(stage: 3, block: 1), .runningVariance, "stage3.1.shortcut.norm.running_var"),
      (.classifier(layer: nil), .weight, "classifier.weight"),
      (.classifier(layer: 2), .bias, "classifier.2.bias"),
      (.stemNorm, .batchesTracked, "stem.norm.num_batches_tracked"),
    ] as [(ModulePath, ParameterPath.Kind, String)])
  func `a place is written as specified`(
    module: ModulePath, kind: ParameterPath.Kind, text: String
  ) {
    #expect(ParameterPath(module, kind).description == text)
  }

  @Test func `buffers are what is not trained`() {
    #expect(
      ParameterPath.Kind.allCases.filter(\.isBuffer)
        == [.runningMean, .runningVariance, .batchesTracked])
  }
}
