import Resect
import ResectTestSupport
import Testing

/// The library part of the README, as it stands there.
@Suite struct ReadmeTests {
  @Test func `the ten lines of the README work`() throws {
    let folder = try TemporaryFolder()
    let (input, output) = (Fixtures.sample("digits/digits-resnet20.pth"), folder.file("small.resect"))
    let readme = String(decoding: try contents(of: Fixtures.document("README.md")), as: UTF8.self)
    for line in [
      "let model = try Model(contentsOf: \"resnet50.pth\")",
      "let small = try model.foldingBatchNorm().droppingClassifierBias()",
      "try small.write(to: \"resnet50.resect\", options: .init(dtype: .float16))",
      "for parameter in try native.network.parameters {",
    ] {
      #expect(readme.contains(line))
    }

    let model = try Model(contentsOf: input)
    #expect(model.architecture?.name == "cifar-resnet20")

    let small = try model.foldingBatchNorm().droppingClassifierBias()
    try small.write(to: output, options: .init(dtype: .float16))

    let native = try Model(contentsOf: output)
    var bytes = 0
    for parameter in try native.network.parameters {
      try parameter.tensor.withBytes { span in bytes += span.byteCount }
    }
    // 21 convolutions and a matrix: 144 + 6·16·16·9 + (16 + 5·32)·32·9 + 16·32 + (32 + 5·64)·64·9 + 32·64 + 640 weights in two
    // bytes, and 16 + 6·16 + 7·32 + 7·64 biases in four.
    #expect(bytes == 2 * 270_608 + 4 * 784)
  }
}
