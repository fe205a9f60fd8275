internal import ResectBytes

extension Program.Padding {
  /// How many pixels lie before an axis of `length`, on which windows span `kernel` pixels.
  func before(_ length: Int, kernel: Int, stride: Int) -> Int {
    switch self {
    case .each(let count): count
    case .same: max(((length - 1) / stride) * stride + kernel - length, 0) / 2
    }
  }

  /// How many windows of `kernel` pixels there are along an axis of `length`.
  func windows(
    _ length: Int, kernel: Int, stride: Int, roundsUp: Bool = false
  ) throws(ResectError) -> Int {
    guard case .each(let padding) = self else { return (length - 1) / stride + 1 }
    let room = length + 2 * padding - kernel
    guard room >= 0 || (roundsUp && room + stride > 0) else {
      throw ResectError(.badArgument, "a window of \(kernel) pixels does not fit \(length + 2 * padding)")
    }
    let count = (roundsUp ? room + stride - 1 : room) / stride + 1
    // A window that begins in the padding behind the image does not count.
    return roundsUp && (count - 1) * stride >= length + padding ? count - 1 : count
  }
}

extension Program.Window {
  /// How many windows there are along an axis of `length`.
  func count(_ length: Int) throws(ResectError) -> Int {
    try padding.windows(length, kernel: kernel, stride: stride, roundsUp: roundsUp)
  }

  /// How many pixels lie before an axis of `length`.
  func before(_ length: Int) -> Int { padding.before(length, kernel: kernel, stride: stride) }

  /// The pixels of an axis that the window at `index` sees.
  func range(_ index: Int, within length: Int) -> Range<Int> {
    let start = index * stride - before(length)
    return max(start, 0)..<max(min(start + kernel, length), max(start, 0))
  }
}
