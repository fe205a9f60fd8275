import Testing

@testable import ResectInference

@Suite struct GraphPaddingTests {
  /// (length, kernel, stride) and TensorFlow's windows and zeros before and after, from its documentation's formula.
  @Test(arguments: [
    (32, 3, 2, 16, 0, 1), (33, 3, 2, 17, 1, 1), (224, 7, 2, 112, 2, 3), (225, 7, 2, 113, 3, 3), (8, 1, 2, 4, 0, 0),
    (7, 3, 1, 7, 1, 1), (2, 7, 2, 1, 2, 3), (1, 3, 2, 1, 1, 1),
  ])
  func `SAME has a window every stride pixels, and the odd zero comes last`(
    _ length: Int, _ kernel: Int, _ stride: Int, _ windows: Int, _ before: Int, _ after: Int
  ) throws {
    let padding = Program.Padding.same
    #expect(try padding.windows(length, kernel: kernel, stride: stride) == windows)
    #expect(padding.before(length, kernel: kernel, stride: stride) == before)
    #expect(max((windows - 1) * stride + kernel - length, 0) - before == after)
  }
}
